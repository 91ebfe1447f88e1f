"""The life of a policy: read, checked, in force, on trial, withdrawn, rolled back."""
