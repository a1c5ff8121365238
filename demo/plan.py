"""Sizes and rates of the demo: chosen so that two cores walk the river in about five minutes and every stage has something to show.

The rates are far above those for real models: a model of a million parameters learns from little, and fast.
"""

SEED = 0
# A megabyte: each of the 592 facts is said some forty times, in both languages, in answers to questions and alone.
DOCUMENTS = 7000
PROMPTS = 1100
# Fewer writings, and the model learns the form of an answer but mistakes what is asked: 480 got 73 % of the facts right.
WRITINGS = 800
# Four answers each: about 3000 ordered pairs, on which held-out accuracy reaches 0.84; the raters' noise allows 0.96.
RANKINGS = 600
SPLITS = {"test": 0.15, "validation": 0.1}
# Training ends near 1250 tokens, when every word of this world is one token: facts are then learned as pairs of tokens.
TOKENIZER = {"vocab_size": 2048}
# Half a million parameters. Small batches matter more than size: with 16 blocks a step the model does not yet copy what is asked
# about into its answer after 3 epochs, with 8 it answers every question of the corpus. Perplexity falls from about 1250 to 1.75.
PRETRAIN = {
    "size": "custom",
    "layers": 3,
    "heads": 3,
    "width": 96,
    "block_size": 128,
    "batch_size": 8,
    "epochs": 4,
    "learning_rate": 3e-3,
    "valid_every": 200,
    "valid_tokens": 10_000,
    "save_every": 300,
}
SFT = {"epochs": 6, "batch_size": 8, "learning_rate": 1e-3, "max_length": 128, "valid_every": 100}
# At temperature 1, so that the four answers differ: raters learn nothing from ordering equals.
SAMPLE = {"per_prompt": 4, "limit": 600, "max_new_tokens": 40, "batch_size": 128}
REWARD = {"epochs": 4, "batch_size": 8, "learning_rate": 5e-4, "max_length": 128, "valid_every": 100}
# Ends at 1.5 to 2 nats of KL: the reward has risen by one spread and its curve is flat from update 40 on.
PPO = {
    "updates": 60,
    "rollout_size": 64,
    "minibatch_size": 32,
    "batch_size": 64,
    "max_new_tokens": 40,
    "learning_rate": 3e-4,
    "value_learning_rate": 1e-3,
    "critic_warmup": 5,
    "held_out": 128,
    "valid_every": 20,
    "save_every": 20,
    # Within the 1.2 to 1.4 √nats that it reaches: three points, the fewest that a curve is fitted to.
    "audit_at": "0.4 0.8 1.2",
    "audit_prompts": 30,
}
# One pass, and leaving the reference costs more than usual: with beta 0.1 and 2e-4 this small a model forgets how to speak.
DPO = {"epochs": 1, "batch_size": 8, "beta": 0.3, "learning_rate": 1e-4, "max_length": 128, "valid_every": 100}
# Cooler than in training, as people use models: at temperature 1 one answer in four of the fine-tuned model is wrong by chance.
HELD_OUT = {"per_prompt": 1, "split": "test", "temperature": 0.7, "max_new_tokens": 40, "batch_size": 128}
BACK = {"per_prompt": 4, "split": "train", "limit": 12, "max_new_tokens": 40, "batch_size": 128}
EVALUATE = {"split": "test", "max_new_tokens": 40, "limit": 150}

# People compare the models' answers to held-out prompts: each pair of answers by two of them.
COMPARISONS = 80
COMPARISON_OVERLAP = 2
LEFT_OPEN = 8

# About how long each stage takes on two cores: the weights of the progress bar, nothing else.
SECONDS = {
    "settle": 12,
    "tokenizer": 3,
    "pretrain": 75,
    "writing": 15,
    "sft": 20,
    "sample": 10,
    "ranking": 15,
    "reward": 35,
    "ppo": 65,
    "dpo": 5,
    "comparing": 15,
    "evaluate": 8,
}
TIMES = {"sample": 6, "evaluate": 5}  # how often a stage comes, where more than once
