"""Which task a rater gets next: each file arranges a project's seats, and free seats are taken in order of (place, id).

`place()` is the expression for a seat's place. Where it follows from more than the seat, `places(seats)` yields (place, task id)
for the tasks whose seats stand elsewhere.
"""
