-- Sign-ins of the command line that somebody allowed in a browser: for minutes, used once.

-- class: global
CREATE TABLE identity_cli_login (
    id uuid NOT NULL,
    code_hash bytes NOT NULL,
    challenge bytes NOT NULL,
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    expires_at micros NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (code_hash),
    FOREIGN KEY (session_id) REFERENCES identity_session (id) ON DELETE CASCADE
);

CREATE INDEX identity_cli_login_session ON identity_cli_login (session_id);
CREATE INDEX identity_cli_login_expires ON identity_cli_login (expires_at);
