"""A message may say whether it is to be learned, as OpenAI's fine-tuning files have it: `weight` 0 or 1, of an assistant's."""

from __future__ import annotations

import pytest

from annotation import chat

ASKED, SAID = {"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "8"}


@pytest.mark.parametrize("weight", [0, 1])
def test_a_weight_is_kept(weight):
    given = [ASKED, {**SAID, "weight": weight}, ASKED]
    assert chat.prompt_messages(given) == given


@pytest.mark.parametrize("message", [{**SAID, "weight": 0.5}, {**SAID, "weight": "0"}, {**ASKED, "weight": 0}])
def test_another_weight_is_refused(message):
    with pytest.raises(ValueError, match=r"messages\[1\]\.weight: must be 0 or 1, and of a message by “assistant”"):
        chat.prompt_messages([ASKED, message, ASKED])
