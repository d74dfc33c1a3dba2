"""For developers' machines only: embedded servers, their supervisor, and a mail catcher."""
