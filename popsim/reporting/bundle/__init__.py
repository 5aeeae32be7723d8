"""The reviewer's bundle of a run: all that somebody else needs to check it and to run it again."""
