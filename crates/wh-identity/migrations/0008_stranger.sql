-- What a password check costs is chosen for somebody without an account by a key that all nodes share and nobody else knows: the answer
-- must take the same time today, tomorrow and on the next node, as it does for an account.

-- class: global
CREATE TABLE identity_stranger (
    id bigint NOT NULL,
    choice_key bytes NOT NULL,
    PRIMARY KEY (id)
);
