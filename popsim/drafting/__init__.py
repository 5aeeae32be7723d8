"""From a user's table to a cohort: what its columns hold is guessed and said, and missing values are imputed."""
