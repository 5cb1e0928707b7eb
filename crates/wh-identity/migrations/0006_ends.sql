-- What ends is found by what ends it, however much else there is: invitations by their end, keys by whoever made them or vouches.
CREATE INDEX identity_invitation_expires ON identity_invitation (expires_at);
CREATE INDEX identity_api_key_created_by ON identity_api_key (tenant_id, created_by, expires_at);
CREATE INDEX identity_api_key_vouched_by ON identity_api_key (tenant_id, vouched_by, expires_at);
