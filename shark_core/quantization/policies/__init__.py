"""Which tier a row gets: by its priority, or by what storing it so is predicted to cost."""
