"""The river as small as it flows: every stage real, no figure meant to be good. For the tests and for `bench.kill`."""

SEED = 0
DOCUMENTS = 1500
PROMPTS = 100
WRITINGS = 60
RANKINGS = 24
COMPARISONS = 4
COMPARISON_OVERLAP = 2
LEFT_OPEN = 3
SPLITS = {"validation": 0.15, "test": 0.25}

TOKENIZER = {"vocab_size": 400}
PRETRAIN = {
    "size": "custom", "layers": 2, "heads": 2, "width": 64, "block_size": 64, "batch_size": 16, "max_steps": 300,
    "learning_rate": 8e-3,
    "valid_every": 150, "save_every": 100, "valid_tokens": 2000,
}  # fmt: skip
SFT = {"max_steps": 40, "learning_rate": 4e-3, "max_length": 128, "save_every": 20}
REWARD = {"max_steps": 8, "learning_rate": 1e-3, "max_length": 128}
PPO = {"updates": 2, "rollout_size": 8, "minibatch_size": 4, "max_new_tokens": 24, "critic_warmup": 1, "held_out": 8}
DPO = {"max_steps": 4, "learning_rate": 1e-4, "max_length": 128}
SAMPLE = {"per_prompt": 3, "limit": 30, "max_new_tokens": 24, "temperature": 0.6}
HELD_OUT = {"per_prompt": 1, "split": "test", "max_new_tokens": 24}
BACK = {"per_prompt": 2, "limit": 6, "max_new_tokens": 24}
EVALUATE = {"max_new_tokens": 24, "limit": 8}

SECONDS = {
    "settle": 10, "tokenizer": 8, "pretrain": 10, "writing": 3, "sft": 10, "sample": 8, "ranking": 3, "reward": 10, "ppo": 15,
    "dpo": 10, "comparing": 3, "evaluate": 10,
}  # fmt: skip
TIMES = {"sample": 6, "evaluate": 5}  # how often a stage comes, where more than once
