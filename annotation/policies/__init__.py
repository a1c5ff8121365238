"""Which task a rater gets next: each file arranges a project's seats, and free seats are taken in order of (place, id).

`arrange(seats)` yields (some of the seats, the expression for their place); the desk writes them.
"""
