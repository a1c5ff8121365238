"""How the demo's synthetic world speaks: statements, questions, courtesies and scenes in English and Spanish."""

from __future__ import annotations

# (kind or "any", attribute) -> language -> (statement, questions). {the} is the noun with its article, {The} the same with a
# capital, {of} "of the …", {v} the value.
TEMPLATES: dict[tuple[str, str], dict[str, tuple[str, tuple[str, ...]]]] = {
    ("any", "colour"): {
        "en": ("{The} is {v}.", ("What colour is {the}?", "Tell me the colour {of}.", "Which colour does {the} have?")),
        "es": ("{The} es de color {v}.", ("¿De qué color es {the}?", "Dime el color {of}.", "¿Qué color tiene {the}?")),
    },
    ("any", "size"): {
        "en": ("{The} has a {v} size.", ("What size is {the}?", "Tell me the size {of}.", "How big is {the}?")),
        "es": ("{The} es de tamaño {v}.", ("¿De qué tamaño es {the}?", "Dime el tamaño {of}.", "¿Cómo es de grande {the}?")),
    },
    ("animal", "place"): {
        "en": ("{The} lives in {v}.", ("Where does {the} live?", "Tell me where {the} lives.", "Where can I see {the}?")),
        "es": ("{The} vive en {v}.", ("¿Dónde vive {the}?", "Dime dónde vive {the}.", "¿Dónde puedo ver {the}?")),
    },
    ("food", "place"): {
        "en": (
            "{The} comes from {v}.",
            ("Where does {the} come from?", "Tell me where {the} comes from.", "Where do I find {the}?"),
        ),
        "es": ("{The} viene de {v}.", ("¿De dónde viene {the}?", "Dime de dónde viene {the}.", "¿Dónde puedo encontrar {the}?")),
    },
    ("thing", "place"): {
        "en": ("{The} is kept in {v}.", ("Where is {the} kept?", "Tell me where {the} is kept.", "Where can I find {the}?")),
        "es": (
            "{The} se guarda en {v}.",
            ("¿Dónde se guarda {the}?", "Dime dónde se guarda {the}.", "¿Dónde encuentro {the}?"),
        ),
    },
    ("animal", "meal"): {
        "en": ("{The} eats {v}.", ("What does {the} eat?", "Tell me what {the} eats.", "What is the food {of}?")),
        "es": ("{The} come {v}.", ("¿Qué come {the}?", "Dime qué come {the}.", "¿Cuál es la comida {of}?")),
    },
    ("food", "taste"): {
        "en": ("{The} tastes {v}.", ("How does {the} taste?", "Tell me how {the} tastes.", "What is the taste {of}?")),
        "es": ("{The} tiene sabor {v}.", ("¿Qué sabor tiene {the}?", "Dime qué sabor tiene {the}.", "¿Cuál es el sabor {of}?")),
    },
    ("thing", "use"): {
        "en": ("{The} is used to {v}.", ("What is {the} used for?", "Tell me what {the} is used for.", "What is the use {of}?")),
        "es": ("{The} sirve para {v}.", ("¿Para qué sirve {the}?", "Dime para qué sirve {the}.", "¿Cuál es el uso {of}?")),
    },
}
COURTESY = {
    "en": ("Happy to help!", "Let me know if you need anything else."),
    "es": ("¡Con mucho gusto!", "Avísame si necesitas algo más."),
}
RAMBLING = {
    "en": (
        "Well, that is a good question.",
        "I have thought about it for a long time.",
        "Many people ask me this every day.",
        "There is so much to say about it.",
    ),
    "es": (
        "Bueno, esa es una buena pregunta.",
        "Lo he pensado durante mucho tiempo.",
        "Mucha gente me lo pregunta cada día.",
        "Hay tanto que decir sobre ello.",
    ),
}
QUIZ = {"en": "{a} asked {b} three things.", "es": "{a} preguntó a {b} tres cosas."}
NAMES = ("Ana", "Tom", "Lucía", "Peter", "Marta", "Hugo")
SCENES = {
    "en": (
        '"{q}" asked {a}. "{s}" said {b}. "Thank you," said {a}.',
        "{a} asked {b}: {q} {b} answered: {s}",
        "{a} likes {the}. {s} {t}",
    ),
    "es": (
        "—{q} —preguntó {a}. —{s} —dijo {b}. —Gracias —dijo {a}.",
        "{a} preguntó a {b}: {q} {b} respondió: {s}",
        "A {a} le gusta {the}. {s} {t}",
    ),
}
