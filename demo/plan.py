"""Sizes and rates of the demo."""

SEED = 0
DOCUMENTS = 8000
PROMPTS = 900
WRITINGS = 500
RANKINGS = 500
SPLITS = {"test": 0.15, "validation": 0.1}
TOKENIZER = {"vocab_size": 1024}
PRETRAIN = {
    "size": "custom",
    "layers": 4,
    "heads": 4,
    "width": 128,
    "block_size": 128,
    "batch_size": 16,
    "epochs": 4,
    "learning_rate": 4e-3,
    "valid_every": 100,
    "save_every": 200,
    "valid_tokens": 20000,
}
SFT = {"epochs": 4, "batch_size": 16, "learning_rate": 1e-3, "max_length": 128, "valid_every": 50}
SAMPLE = {"per_prompt": 4, "limit": 500, "max_new_tokens": 48, "batch_size": 128}
REWARD = {"epochs": 4, "batch_size": 8, "learning_rate": 5e-4, "max_length": 128, "valid_every": 50}
PPO = {
    "updates": 60,
    "rollout_size": 64,
    "minibatch_size": 32,
    "batch_size": 64,
    "max_new_tokens": 48,
    "learning_rate": 3e-4,
    "value_learning_rate": 1e-3,
    "critic_warmup": 5,
    "held_out": 128,
    "valid_every": 20,
    "save_every": 20,
}
DPO = {"epochs": 2, "batch_size": 8, "learning_rate": 2e-4, "max_length": 128, "valid_every": 50}
HELD_OUT = {"per_prompt": 1, "split": "test", "max_new_tokens": 48, "batch_size": 128}
