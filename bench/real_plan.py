"""Sizes and rates of `bench.real_river`: about ten minutes on two cores. `SECONDS` only moves the progress bar."""

SEED = 0
SPLITS = {"test": 0.15, "validation": 0.1}
SPEECHES = 16  # of Shakespeare to a document
HELD_OUT = 0.1  # the last tenth of Shakespeare, as in nanoGPT's split

TOKENIZER = {"vocab_size": 2048}
PRETRAIN = {
    "size": "1M", "block_size": 512, "batch_size": 4, "epochs": 4, "learning_rate": 3e-3, "valid_every": 100, "save_every": 200,
}  # fmt: skip
SFT = {"epochs": 6, "batch_size": 4, "learning_rate": 5e-4, "max_length": 512, "valid_every": 40}
REWARD = {"epochs": 2, "batch_size": 8, "learning_rate": 3e-4, "max_length": 512, "valid_every": 25}
SAMPLE = {"split": "test", "per_prompt": 1, "temperature": 0.7, "top_p": 0.9, "max_new_tokens": 96}
PERPLEXITY = {"metrics": "perplexity", "limit": 0}
ACCURACY = {"metrics": "reward_accuracy", "split": "test", "limit": 0}

SECONDS = {
    "settle": 10, "tokenizer": 10, "pretrain": 400, "evaluate": 30, "demonstrations": 5, "sft": 60, "rankings": 5, "reward": 150,
    "sample": 15,
}  # fmt: skip
TIMES = {"evaluate": 3}
