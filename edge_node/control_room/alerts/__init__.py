"""Watch the history by rules, and tell people what they must know: by mail, chat, push or webhook."""
