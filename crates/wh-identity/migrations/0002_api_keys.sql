-- Keys for programs, and members that are no people. Looked up before a tenant is known, so global, like sessions.

-- class: global
CREATE TABLE identity_service_account (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    enabled boolean NOT NULL,
    created_by uuid NOT NULL,
    created_at micros NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, user_id) REFERENCES identity_member (tenant_id, user_id) ON DELETE CASCADE
);

-- class: global
CREATE TABLE identity_api_key (
    id uuid NOT NULL,
    public_id text NOT NULL,
    secret_hash bytes NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    scopes text NOT NULL,
    networks text NOT NULL,
    created_by uuid NOT NULL,
    created_at micros NOT NULL,
    expires_at micros NOT NULL,
    used_at micros,
    used_address text,
    PRIMARY KEY (id),
    UNIQUE (public_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES identity_member (tenant_id, user_id) ON DELETE CASCADE
);

CREATE INDEX identity_api_key_member ON identity_api_key (tenant_id, user_id, id);
CREATE INDEX identity_api_key_expires ON identity_api_key (expires_at);
