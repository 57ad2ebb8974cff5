"""Know who uses the control room: users, roles, passwords, sessions, trusted proxies, the audit."""
