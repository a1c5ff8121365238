"""The facts of the demo's world: invented by decree, in English and Spanish, so that an answer is right or wrong without doubt.

Synthetic: a small world in which every animal, food and thing has one colour, one size, one place and one more property. Nothing
here was collected from people or from the web.
"""

from __future__ import annotations

from dataclasses import dataclass

Values = dict[str, tuple[str, ...]]

# English value -> Spanish forms: the one that our sentences use ("de color rojo"), then what else an answer may say ("roja").
COLOURS: Values = {
    "red": ("rojo", "roja"),
    "green": ("verde",),
    "blue": ("azul",),
    "yellow": ("amarillo", "amarilla"),
    "black": ("negro", "negra"),
    "white": ("blanco", "blanca"),
    "brown": ("marrón",),
    "orange": ("naranja",),
    "grey": ("gris",),
}
SIZES: Values = {"tiny": ("diminuto", "diminuta"), "small": ("pequeño", "pequeña"), "big": ("grande",), "huge": ("enorme",)}
PLACES: Values = {
    "the forest": ("el bosque",),
    "the sea": ("el mar",),
    "the river": ("el río",),
    "the desert": ("el desierto",),
    "the mountains": ("la montaña",),
    "the farm": ("la granja",),
    "the garden": ("el jardín",),
    "the valley": ("el valle",),
    "the island": ("la isla",),
    "the kitchen": ("la cocina",),
    "the workshop": ("el taller",),
    "the school": ("la escuela",),
    "the bedroom": ("el dormitorio",),
}
MEALS: Values = {
    "grass": ("hierba",),
    "fish": ("peces",),
    "meat": ("carne",),
    "seeds": ("semillas",),
    "insects": ("insectos",),
    "leaves": ("hojas",),
    "honey": ("miel",),
}
TASTES: Values = {"sweet": ("dulce",), "sour": ("ácido",), "salty": ("salado",), "bitter": ("amargo",), "spicy": ("picante",)}
USES: Values = {
    "cook": ("cocinar",),
    "cut": ("cortar",),
    "write": ("escribir",),
    "sleep": ("dormir",),
    "clean": ("limpiar",),
    "build": ("construir",),
    "read": ("leer",),
    "drink": ("beber",),
}

# kind -> its four attributes and the values each may take.
ATTRIBUTES: dict[str, dict[str, Values]] = {
    "animal": {"colour": COLOURS, "size": SIZES, "place": PLACES, "meal": MEALS},
    "food": {"colour": COLOURS, "size": SIZES, "place": PLACES, "taste": TASTES},
    "thing": {"colour": COLOURS, "size": SIZES, "place": PLACES, "use": USES},
}

TABLE = """
animal | fox        | el zorro      | orange | small | the forest    | meat
animal | bear       | el oso        | brown  | huge  | the forest    | honey
animal | owl        | el búho       | brown  | small | the forest    | insects
animal | wolf       | el lobo       | grey   | big   | the mountains | meat
animal | falcon     | el halcón     | brown  | big   | the mountains | meat
animal | goat       | la cabra      | white  | big   | the mountains | leaves
animal | cow        | la vaca       | white  | huge  | the farm      | grass
animal | horse      | el caballo    | black  | huge  | the farm      | grass
animal | sheep      | la oveja      | white  | big   | the farm      | grass
animal | hen        | la gallina    | red    | small | the farm      | seeds
animal | duck       | el pato       | yellow | small | the river     | seeds
animal | frog       | la rana       | green  | tiny  | the river     | insects
animal | otter      | la nutria     | brown  | small | the river     | fish
animal | whale      | la ballena    | blue   | huge  | the sea       | fish
animal | shark      | el tiburón    | grey   | huge  | the sea       | fish
animal | turtle     | la tortuga    | green  | big   | the sea       | leaves
animal | penguin    | el pingüino   | black  | big   | the island    | fish
animal | parrot     | el loro       | green  | small | the island    | seeds
animal | monkey     | el mono       | brown  | big   | the island    | leaves
animal | camel      | el camello    | yellow | huge  | the desert    | grass
animal | scorpion   | el escorpión  | black  | tiny  | the desert    | insects
animal | lizard     | el lagarto    | green  | tiny  | the desert    | insects
animal | bee        | la abeja      | yellow | tiny  | the garden    | honey
animal | snail      | el caracol    | brown  | tiny  | the garden    | leaves
animal | sparrow    | el gorrión    | grey   | tiny  | the garden    | seeds
animal | rabbit     | el conejo     | white  | small | the valley    | grass
food   | tomato     | el tomate     | red    | small | the garden    | sour
food   | lemon      | el limón      | yellow | small | the garden    | sour
food   | strawberry | la fresa      | red    | tiny  | the garden    | sweet
food   | onion      | la cebolla    | white  | small | the garden    | bitter
food   | cherry     | la cereza     | red    | tiny  | the valley    | sweet
food   | apple      | la manzana    | red    | small | the valley    | sweet
food   | pear       | la pera       | green  | small | the valley    | sweet
food   | grape      | la uva        | green  | tiny  | the valley    | sour
food   | olive      | la aceituna   | green  | tiny  | the valley    | salty
food   | pumpkin    | la calabaza   | orange | huge  | the farm      | sweet
food   | carrot     | la zanahoria  | orange | small | the farm      | sweet
food   | potato     | la patata     | brown  | small | the farm      | salty
food   | spinach    | la espinaca   | green  | small | the farm      | bitter
food   | pepper     | el pimiento   | red    | small | the farm      | spicy
food   | banana     | el plátano    | yellow | small | the island    | sweet
food   | coconut    | el coco       | brown  | big   | the island    | sweet
food   | pineapple  | la piña       | yellow | big   | the island    | sour
food   | ginger     | el jengibre   | brown  | small | the island    | spicy
food   | blueberry  | el arándano   | blue   | tiny  | the forest    | sour
food   | mushroom   | la seta       | white  | small | the forest    | bitter
food   | chestnut   | la castaña    | brown  | tiny  | the forest    | sweet
food   | oyster     | la ostra      | grey   | small | the sea       | salty
food   | date       | el dátil      | brown  | tiny  | the desert    | sweet
food   | saffron    | el azafrán    | orange | tiny  | the desert    | spicy
thing  | spoon      | la cuchara    | grey   | small | the kitchen   | cook
thing  | pan        | la sartén     | black  | big   | the kitchen   | cook
thing  | knife      | el cuchillo   | grey   | small | the kitchen   | cut
thing  | cup        | la taza       | white  | small | the kitchen   | drink
thing  | bottle     | la botella    | green  | small | the kitchen   | drink
thing  | sponge     | la esponja    | yellow | small | the kitchen   | clean
thing  | oven       | el horno      | black  | huge  | the kitchen   | cook
thing  | hammer     | el martillo   | red    | big   | the workshop  | build
thing  | saw        | la sierra     | orange | big   | the workshop  | cut
thing  | nail       | el clavo      | grey   | tiny  | the workshop  | build
thing  | brick      | el ladrillo   | red    | big   | the workshop  | build
thing  | broom      | la escoba     | brown  | big   | the workshop  | clean
thing  | drill      | el taladro    | grey   | big   | the workshop  | build
thing  | pencil     | el lápiz      | yellow | tiny  | the school    | write
thing  | pen        | el bolígrafo  | blue   | tiny  | the school    | write
thing  | notebook   | el cuaderno   | blue   | small | the school    | write
thing  | chalk      | la tiza       | white  | tiny  | the school    | write
thing  | book       | el libro      | green  | small | the school    | read
thing  | map        | el mapa       | blue   | big   | the school    | read
thing  | scissors   | la tijera     | orange | small | the school    | cut
thing  | bed        | la cama       | white  | huge  | the bedroom   | sleep
thing  | pillow     | la almohada   | blue   | big   | the bedroom   | sleep
thing  | blanket    | la manta      | orange | big   | the bedroom   | sleep
thing  | letter     | la carta      | white  | tiny  | the bedroom   | read
"""


@dataclass(frozen=True)
class Entity:
    """Something of the world. `values`: attribute -> English value; the Spanish name is without its article."""

    kind: str
    english: str
    spanish: str
    article: str
    values: dict[str, str]

    def name(self, language: str) -> str:
        """The bare noun."""
        return self.english if language == "en" else self.spanish

    def value(self, attribute: str, language: str) -> str:
        """The value as a sentence about this entity says it."""
        english = self.values[attribute]
        return english if language == "en" else ATTRIBUTES[self.kind][attribute][english][0]


def _entity(line: str) -> Entity:
    kind, english, spanish, *values = (cell.strip() for cell in line.split("|"))
    article, noun = spanish.split(" ", 1)
    return Entity(kind, english, noun, article, dict(zip(ATTRIBUTES[kind], values, strict=True)))


ENTITIES = [_entity(line) for line in TABLE.strip().splitlines()]
