"""What raters read in a measurement: of common length, with the markdown that models write."""

GUIDELINES = "# What counts\n\n- **Right** before fluent.\n- Short before long, when both are right.\n- Say *why* in a comment."
QUESTION = "Question {n}: my sourdough starter smells of acetone after three days in a warm kitchen. Is it lost, and what do I do?"
ANSWER = (
    "**No**, says answer {k} to question {n}: the smell of acetone means that the yeast is hungry, it has eaten all it had.\n\n"
    "1. Throw away all but two spoons of the starter.\n2. Feed it with *equal weights* of flour and water, twice a day.\n"
    "3. Keep it at 22 °C, out of the sun, under a loose lid.\n\nAfter two or three days it should rise to twice its height "
    "within `6` hours and smell of apples. Pink, orange or black spots are mould: then throw all of it away and begin anew."
)
