"""Gets files over slow networks, from dying hosts, whole or listed with the reason why not.

`asked` says what is wanted, `transfer` makes one attempt at it, `schedule` decides what is asked
next and when, `many` runs it all; `archives` unpacks, `search` lists the images of an API.
"""
