"""What findings about a whole run mean: its plan, its checkpoints, its tokenizer."""

from __future__ import annotations

from training.preflight.severity import CONSENT, NOTE, STOP, Words

WORDS: dict[str, Words] = {
    # The plan
    "zero_rate": Words(STOP, "The learning rate is 0.", "Nothing would be learned.", "Set learning_rate."),
    "high_rate": Words(
        CONSENT,
        "The learning rate is %(rate)g.",
        "Above 0.01 AdamW tears apart every language model that we know of.",
        "Take the rate that the setting's help names for this size.",
    ),
    "long_warmup": Words(
        CONSENT,
        "Warm-up takes %(share).0f %% of all %(steps)d steps.",
        "The learning rate reaches its peak late or never.",
        "Set warmup between 0 and 0.1.",
    ),
    "few_steps": Words(
        NOTE,
        "The run has only %(steps)d steps.",
        "The optimiser has hardly begun, and its curves say little.",
        "Lower batch_size or accumulation, or raise epochs.",
    ),
    "many_passes": Words(
        CONSENT,
        "Every row is seen %(passes).1f times.",
        "After about four passes repeated data teach less and less (Muennighoff et al. 2023) and are learned by heart.",
        "Lower epochs or max_steps, or add rows.",
    ),
    "step_over_rows": Words(
        CONSENT,
        "A step wants %(step)d rows and there are only %(of)d.",
        "Each epoch is one step, smaller than was asked for.",
        "Lower batch_size, accumulation or processes.",
    ),
    "rare_saves": Words(
        NOTE,
        "Nothing is saved before the end: save_every is %(every)d and the run has %(steps)d steps.",
        "A kill costs everything.",
        "Lower save_every.",
    ),
    "disk": Words(
        STOP,
        "Checkpoints will want about %(need).1f GB of disk and %(free).1f GB are free.",
        "The run would end when the disk is full.",
        "Make room where CRISOL_HOME is, or train adapters (lora_rank).",
    ),
    "memory": Words(
        STOP,
        "Memory: a step at the longest batch wants about %(need).1f GB and this machine has %(free).1f GB.",
        "The run would be killed, perhaps hours after its start, when the longest rows meet.",
        "Lower batch_size and raise accumulation, lower max_length, or train adapters (lora_rank).",
    ),
    # Model and tokenizer
    "unloadable": Words(
        STOP,
        "The checkpoint “%(name)s” does not load: %(error)s",
        "The run would end at once.",
        "Import it again, or choose another one.",
    ),
    "unsaveable": Words(
        STOP,
        "The checkpoint “%(name)s” loads, but saved again it is not the same: %(error)s",
        "The run would end with an error, or with a broken model, after all its work.",
        "Correct what the sentence names in the checkpoint's folder and import it again.",
    ),
    "not_finite": Words(
        STOP,
        "The checkpoint “%(name)s” holds NaN or infinity in %(count)d of its tensors, %(tensor)s first.",
        "Every loss would be NaN.",
        "Choose an earlier checkpoint.",
    ),
    "vocabulary": Words(
        STOP,
        "The tokenizer of “%(name)s” has %(tokens)d tokens, its model only %(rows)d.",
        "The first row with a higher token ends the run, on a GPU without a readable error.",
        "Import the model with fetch, which lets the model grow.",
    ),
    "stop_token": Words(
        CONSENT,
        "“%(name)s” generates until %(model)s, but its answers are taught to end with %(token)s.",
        "Where the model's own settings are used, its answers would not stop.",
        "Set eos_token_id in generation_config.json to the tokenizer's end token.",
    ),
    "no_end_token": Words(
        STOP,
        "The tokenizer has no end-of-text token.",
        "No answer of its model could ever end.",
        "Set eos_token in its tokenizer_config.json and import it again.",
    ),
    "pad_is_end": Words(
        STOP,
        "The tokenizer pads with its end token, or with none.",
        "Where padding is masked, ends are masked too, and the model never learns to stop.",
        "Import the model with fetch, which gives it a padding token of its own.",
    ),
    "no_template": Words(
        STOP,
        "The tokenizer has no chat template.",
        "Nobody knows how a chat is written for this model.",
        "Import the model with fetch, which gives it one.",
    ),
    "dry_run": Words(
        STOP,
        "Two steps on the longest batch ended badly: %(error)s",
        "The run would end so when that batch comes.",
        "Read the sentence; lower batch_size, max_length or learning_rate.",
    ),
}
