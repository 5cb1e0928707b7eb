//! The operations as the spec shows them: names, permissions and risks stand here so that a change is seen.
use std::fmt::Write;

#[test]
fn the_operations_are_these() {
    let spec = wh_server::describe(&[wh_identity::shape()]).unwrap_or_else(|error| panic!("{error}"));
    let mut list = String::new();
    for (path, methods) in spec["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/v1/identity/") else { continue };
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let permission = operation["x-permission"].as_str().unwrap_or("-");
            let risk = operation["x-risk"].as_str().unwrap_or_default();
            writeln!(list, "{method} {path} {id} {permission} {risk}").expect("a string");
        }
    }
    insta::assert_snapshot!(list, @r"
    get api-keys api_key_list identity:self read
    post api-keys api_key_create identity:self change
    delete api-keys/{id} api_key_revoke identity:self danger
    patch api-keys/{id} api_key_update identity:self change
    get api-keys/{id}/made-keys made_key_list identity:write read
    post cli-logins cli_login_create identity:self change
    post cli-logins/exchange cli_login_exchange - change
    get invitations invitation_list identity:write read
    post invitations invitation_create identity:write change
    post invitations/accept invitation_accept - change
    post invitations/lookup invitation_lookup - change
    delete invitations/{id} invitation_revoke identity:write change
    get me me_get identity:self read
    get members member_list identity:read read
    delete members/{user_id} member_remove identity:write danger
    patch members/{user_id} member_update identity:write change
    put password password_change identity:self change
    get service-accounts service_account_list identity:write read
    post service-accounts service_account_create identity:write change
    delete service-accounts/{account_id} service_account_delete identity:write danger
    patch service-accounts/{account_id} service_account_update identity:write change
    get service-accounts/{account_id}/api-keys service_account_key_list identity:write read
    post service-accounts/{account_id}/api-keys service_account_key_create identity:write change
    delete service-accounts/{account_id}/api-keys/{id} service_account_key_revoke identity:write danger
    patch service-accounts/{account_id}/api-keys/{id} service_account_key_update identity:write change
    delete session session_end identity:self change
    put session/tenant session_switch identity:self change
    get sessions session_list identity:self read
    post sessions session_create - change
    post sessions/revoke-others session_revoke_others identity:self change
    delete sessions/{id} session_revoke identity:self change
    get setup setup_status - read
    post setup setup_complete - change
    post tenants tenant_create identity:tenant change
    ");
}
