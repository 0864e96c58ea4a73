"""Of which kinds are the stages of a study? Every module here is one."""
