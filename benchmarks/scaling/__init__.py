"""How training scales over ranks: processes that train together, the time they take, and a model of larger clusters."""
