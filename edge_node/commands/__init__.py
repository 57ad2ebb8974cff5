"""Receive commands, admit or refuse them, execute them, respond and keep an audit."""
