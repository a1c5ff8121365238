"""Removes documents with a word of a list, as C4 does (Raffel et al. 2020, § 2.2): our own short one, and the lead's.

Ours names pornography in English and Spanish and little else: words that no medical, legal or old text needs (xxx is also
thirty, and was a third of the Quijote's chapters). What a longer list
removes besides (Dodge et al. 2021, § 5: texts by and about minorities) is for a lead to weigh, with examples on the run's page.
"""

from __future__ import annotations

from training.cleaning import words
from training.cleaning.finding import Doc, Finding, Rule, excerpt

WORDS = """
    blowjob, blowjobs, bukkake, camgirl, camgirls, creampie, cumshot, cumshots, deepthroat, dildo, dildos, gangbang, gloryhole,
    handjob, hentai, milf, milfs, pornhub, porno, porn, pornos, pornstar, shemale, upskirt, xvideos, xhamster,
    cachondas, corridas en la cara, follando, folladas, folladoras, maduras cachondas, mamadas, pajillas, porno gratis,
    putas calientes, sexo anal, tetonas, webcam porno, zorras calientes
"""


def rule(more: str = "") -> Rule:
    """`more`: words and phrases of the lead's own, separated by commas."""
    listed = [tuple(found) for entry in f"{WORDS},{more}".split(",") if (found := words.terms(entry))]
    single = {entry[0] for entry in listed if len(entry) == 1}
    phrases = [f" {' '.join(entry)} " for entry in listed if len(entry) > 1]

    def named(doc: Doc) -> Finding | None:
        word = next(iter(sorted(single.intersection(doc.terms))), "")
        if not word and phrases:
            line = f" {' '.join(doc.terms)} "
            word = next((phrase.strip() for phrase in phrases if phrase in line), "")
        return Finding(word, _place(doc.text, word.split()[0])) if word else None

    return named


def _place(text: str, word: str) -> str:
    at = text.casefold().find(word)
    return excerpt(text, at, at + len(word)) if 0 <= at < len(text) else excerpt(text)
