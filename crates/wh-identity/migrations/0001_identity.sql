-- People, companies and who may come in. Looked up before a tenant is known, so global; reachable by wh-identity only.

-- class: global
CREATE TABLE identity_tenant (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at micros NOT NULL,
    member_revision bigint NOT NULL,
    PRIMARY KEY (id)
);

-- class: global
CREATE TABLE identity_user (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    created_at micros NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (email)
);

-- class: global
CREATE TABLE identity_credential (
    user_id uuid NOT NULL REFERENCES identity_user (id),
    password_hash text NOT NULL,
    changed_at micros NOT NULL,
    PRIMARY KEY (user_id)
);

-- class: global
CREATE TABLE identity_member (
    tenant_id uuid NOT NULL REFERENCES identity_tenant (id),
    user_id uuid NOT NULL REFERENCES identity_user (id),
    role text NOT NULL,
    joined_at micros NOT NULL,
    seen_at micros,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE INDEX identity_member_user ON identity_member (user_id);

-- class: global
CREATE TABLE identity_session (
    id uuid NOT NULL,
    token_hash bytes NOT NULL,
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    created_at micros NOT NULL,
    used_at micros NOT NULL,
    expires_at micros NOT NULL,
    address text,
    user_agent text,
    PRIMARY KEY (id),
    UNIQUE (token_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES identity_member (tenant_id, user_id) ON DELETE CASCADE
);

CREATE INDEX identity_session_user ON identity_session (user_id);
CREATE INDEX identity_session_member ON identity_session (tenant_id, user_id);
CREATE INDEX identity_session_used ON identity_session (used_at);

-- class: global
CREATE TABLE identity_invitation (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES identity_tenant (id),
    token_hash bytes NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    invited_by uuid NOT NULL REFERENCES identity_user (id),
    created_at micros NOT NULL,
    expires_at micros NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (token_hash),
    UNIQUE (tenant_id, email)
);

-- class: global
CREATE TABLE identity_setup (
    id bigint NOT NULL,
    token_hash bytes,
    expires_at micros NOT NULL,
    PRIMARY KEY (id)
);
