"""What findings about rows mean: texts, tokens, what people said."""

from __future__ import annotations

from training.preflight.severity import CONSENT, NOTE, STOP, Words

WORDS: dict[str, Words] = {
    # Rows and their texts
    "no_rows": Words(
        STOP,
        "There is nothing to learn from: none of the %(of)d judgements in split train makes a row for this recipe.",
        "The run would end at once with an error.",
        "Choose a snapshot with the kinds of judgement that this recipe reads, or take the snapshot again with other shares.",
    ),
    "no_held_out": Words(
        NOTE,
        "No row is held out: split validation is empty.",
        "There will be no validation loss, so nobody can see when the model begins to learn by heart.",
        "Take a snapshot with a share for validation; of a corpus, set held_out above 0.",
    ),
    "unreadable": Words(
        STOP,
        "Rows that cannot be read: %(count)d. The first says: %(error)s",
        "The run would end at the first of them.",
        "Correct these rows at their source, or choose a model whose template takes them.",
    ),
    "refused": Words(
        STOP,
        "The recipe refuses these inputs: %(error)s",
        "The run would end with this error before its first step.",
        "Change the setting or the input that the sentence names.",
    ),
    "roles": Words(
        STOP,
        "Chats out of order: %(count)d of %(of)d rows. They have a role that does not exist, a text that is none, a system message "
        "that is not the first, or an end that is not the assistant's.",
        "Templates write such chats in ways that no model was trained with, or leave parts of them out.",
        "Correct the roles at their source and import the rows again.",
    ),
    "tools": Words(
        CONSENT,
        "Tool calls that do not fit: %(count)d of %(of)d rows. They call a tool that was not offered, or hold a result that nobody "
        "called for.",
        "The model would learn to invent tools, or results would stand where no call is seen.",
        "Offer every tool that is called, and give each result the id of its call.",
    ),
    "empty_prompt": Words(
        CONSENT,
        "Empty prompts: %(count)d of %(of)d rows ask nothing.",
        "The model learns to answer out of nowhere.",
        "Remove them, or put the question in.",
    ),
    "empty_answer": Words(
        CONSENT,
        "Empty answers: %(count)d of %(of)d rows.",
        "The model learns to end at once and say nothing.",
        "Remove them; if silence is meant, write it out.",
    ),
    "duplicate": Words(
        NOTE,
        "Repeated rows: %(count)d of %(of)d say what an earlier row said.",
        "What is repeated weighs more and is learned by heart first.",
        "Remove the repetitions, unless their weight is meant.",
    ),
    "leak": Words(
        STOP,
        "Prompts in two splits: %(count)d held-out rows ask what a training row asks, but for case, spaces and punctuation.",
        "Validation and test figures would measure memory and read better than the model is.",
        "Remove these prompts from one of the splits.",
    ),
    "near_leak": Words(
        CONSENT,
        "Prompts almost the same in two splits: %(count)d held-out rows share four fifths or more of their three-word phrases with "
        "a training row.",
        "Validation and test figures may measure memory and read better than the model is.",
        "Compare them; remove those that are the same question.",
    ),
    "spelled": Words(
        NOTE,
        "Special tokens spelled in texts: %(count)d of %(of)d rows.",
        "Here they stay plain text and can open or close no turn. Other software may read them as tokens.",
        "Nothing need be done, if the texts are about tokens; if they are left-overs of another template, remove them.",
    ),
    "replacement": Words(
        CONSENT,
        "Lost characters: %(count)d of %(of)d rows hold U+FFFD or NUL, where a character once could not be read.",
        "The model learns to write them.",
        "Import the file again in its true encoding, or remove the rows.",
    ),
    "mojibake": Words(
        CONSENT,
        "Garbled characters: %(count)d of %(of)d rows hold UTF-8 that was read as Latin-1 or Windows-1252, such as “%(example)s”.",
        "The model learns to write so.",
        "Import the file again as UTF-8, or remove the rows.",
    ),
    # Tokens
    "too_long": Words(
        CONSENT,
        "Too long: %(share).1f %% of the rows (%(count)d of %(of)d) are over %(limit)d tokens and are left out.",
        "More than one row in a hundred is missing, and it is the long ones: the model would learn to be short.",
        "Raise max_length as far as model and memory allow, shorten the rows, or go on knowingly.",
    ),
    "few_too_long": Words(
        NOTE,
        "Too long: %(count)d of %(of)d rows are over %(limit)d tokens and are left out.",
        "They are one in a hundred at most.",
        "Nothing, or raise max_length.",
    ),
    "no_loss": Words(
        STOP,
        "Rows that teach nothing: %(count)d of %(of)d have an answer of which no token is learned.",
        "They cost time and move nothing; of a template that marks no answer, all rows are so.",
        "Give the model's tokenizer a chat template in which an answer follows its prompt unchanged, or import it with fetch.",
    ),
    "no_end": Words(
        STOP,
        "Answers without an end: %(count)d of %(of)d rows do not end with the token %(token)s.",
        "The model never learns to stop, and a score that is read at the end token is read elsewhere.",
        "Let the chat template write the tokenizer's end token after each answer.",
    ),
    "two_begins": Words(
        STOP,
        "Doubled begin: %(count)d of %(of)d rows hold the token %(token)s twice in a row.",
        "Training would differ from every use of the model in which it stands once.",
        "Remove bos_token from the chat template, or the token that is written out in it.",
    ),
    "no_begin": Words(
        CONSENT,
        "No begin: %(count)d of %(of)d rows do not start with %(token)s, which this tokenizer puts before every text.",
        "Some models are lost without it, and training would differ from use.",
        "Let the chat template begin with bos_token.",
    ),
    "prefix": Words(
        STOP,
        "Another prompt in training than in use: in %(count)d of %(of)d rows the tokens before the answer are not those from which "
        "an answer would be generated.",
        "The model learns to answer what it will never be asked.",
        "Let the chat template write earlier turns the same way whether or not an answer follows.",
    ),
    "serving": Words(
        NOTE,
        "Served elsewhere the prompt has other tokens: %(count)d of %(of)d rows.",
        "Here each answer is a piece of its own. Software that encodes the whole chat at once may join letters across a turn's "
        "border, where an earlier answer begins or ends with a space or a line.",
        "Remove such spaces, or use a chat template whose turns begin and end with special tokens.",
    ),
    "unknown": Words(
        CONSENT,
        "Unknown characters: %(count)d of %(of)d rows hold the token %(token)s.",
        "What stood there is lost, and the model learns to write the token itself.",
        "Choose a model whose tokenizer knows this script, or remove the rows.",
    ),
    "unlearned_turns": Words(
        NOTE,
        "Earlier answers that are not learned: %(count)d of %(of)d rows.",
        "The chat template writes them otherwise than they were generated, so only later answers are learned.",
        "Nothing, if one answer a row is enough; else split such chats, or choose another template.",
    ),
    # What people said
    "identical": Words(
        CONSENT,
        "Better than itself: in %(count)d of %(of)d rows two answers of different rank have the same text.",
        "Nothing can be learned from them; in some losses they push the answer down.",
        "Remove them, or make them ties.",
    ),
    "contradiction": Words(
        NOTE,
        "Both ways: %(count)d of %(of)d rows are a pair that the same rater ordered the other way, too.",
        "They cancel each other out.",
        "Ask the rater, or keep the later judgement.",
    ),
    "length_bias": Words(
        NOTE,
        "Length decides: the better answer is the longer one in %(share).0f %% of %(of)d comparisons.",
        "The model may learn length in place of quality.",
        "Add comparisons in which length does not decide, and watch the length of answers; simpo or a length reward help.",
    ),
    "one_label": Words(
        STOP,
        "One label only: all %(of)d rows are %(label)s.",
        "An answer is known as good only beside a bad one.",
        "Add rows of the other label.",
    ),
    "imbalance": Words(
        CONSENT,
        "Out of balance: acceptable rows weigh %(ratio).2f to 1 against the others.",
        "The smaller side is hardly heard; 1 to 1.33 is advised (Ethayarajh et al. 2024).",
        "Set desirable_weight or undesirable_weight to bring it there.",
    ),
    "one_prompt": Words(
        STOP,
        "All %(of)d rows have the same prompt.",
        "KTO estimates its KL from answers to other prompts, and there are none.",
        "Add rows with other prompts, or use dpo.",
    ),
    "only_ties": Words(
        STOP,
        "Only ties: none of the %(of)d rankings puts one answer above another.",
        "A reward model learns from differences; there are none.",
        "Ask raters for an order, or choose another snapshot.",
    ),
    "weightless": Words(
        NOTE,
        "Rows that weigh nothing: %(count)d of %(of)d.",
        "They are read and never learned.",
        "Nothing, if their raters are not to be heard; else take the snapshot without reliability.",
    ),
    "one_reward": Words(
        STOP,
        "All %(of)d answers earn the same.",
        "Advantages are 0: every answer would be learned alike.",
        "Choose another aspect or other rewards.",
    ),
}
