"""The checker of the exercises: runs a student's file and says in one sentence what is not right yet, and where."""
