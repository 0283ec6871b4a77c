"""What a user hands on: trusts, application credentials, access rules, OAuth tokens, and stored credentials."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import (
    ADMIN,
    ADMIN_OR_SYSTEM_READER,
    NO_DOMAIN,
    PATH_USER,
    PROJECT,
    SYSTEM_READER,
    either,
    rule,
    user_is,
)

_TRUSTOR: Final = user_is("trust.trustor_user_id")
_TRUSTEE: Final = user_is("trust.trustee_user_id")
_SEE_TRUST: Final = either(ADMIN_OR_SYSTEM_READER, _TRUSTOR, _TRUSTEE)

TRUSTS: Final = (
    rule("create_trust", _TRUSTOR, "Make a trust, as the one who trusts.", "POST /OS-TRUST/trusts", scopes=PROJECT),
    rule("list_trusts", ADMIN_OR_SYSTEM_READER, "List all trusts.", "GET /OS-TRUST/trusts", scopes=NO_DOMAIN),
    rule(
        "list_trusts_for_trustor",
        either(ADMIN_OR_SYSTEM_READER, _TRUSTOR),
        "List the trusts that a user has given.",
        "GET /OS-TRUST/trusts?trustor_user_id={trustor_user_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "list_trusts_for_trustee",
        either(ADMIN_OR_SYSTEM_READER, _TRUSTEE),
        "List the trusts that a user was given.",
        "GET /OS-TRUST/trusts?trustee_user_id={trustee_user_id}",
        scopes=NO_DOMAIN,
    ),
    rule("get_trust", _SEE_TRUST, "Show a trust.", "GET /OS-TRUST/trusts/{trust_id}", scopes=NO_DOMAIN),
    rule("delete_trust", either(ADMIN, _TRUSTOR), "End a trust.", "DELETE /OS-TRUST/trusts/{trust_id}", scopes=NO_DOMAIN),
    rule(
        "list_roles_for_trust",
        _SEE_TRUST,
        "List the roles that a trust hands on.",
        "GET /OS-TRUST/trusts/{trust_id}/roles",
        scopes=NO_DOMAIN,
    ),
    rule(
        "get_role_for_trust",
        _SEE_TRUST,
        "Ask whether a trust hands on a role.",
        "GET /OS-TRUST/trusts/{trust_id}/roles/{role_id}",
        scopes=NO_DOMAIN,
    ),
)

_ONE_APP_CRED: Final = "/users/{user_id}/application_credentials/{application_credential_id}"
_SEE_APP_CRED: Final = either(ADMIN_OR_SYSTEM_READER, "rule:owner")

APPLICATION_CREDENTIALS: Final = (
    rule("get_application_credential", _SEE_APP_CRED, "Show an application credential.", f"GET {_ONE_APP_CRED}", scopes=NO_DOMAIN),
    rule(
        "list_application_credentials",
        _SEE_APP_CRED,
        "List a user's application credentials.",
        "GET /users/{user_id}/application_credentials",
        scopes=NO_DOMAIN,
    ),
    rule(
        "create_application_credential",
        PATH_USER,
        "Make an application credential, for oneself.",
        "POST /users/{user_id}/application_credentials",
        scopes=PROJECT,
    ),
    rule(
        "delete_application_credential",
        "rule:admin_or_owner",
        "Delete an application credential.",
        f"DELETE {_ONE_APP_CRED}",
        scopes=NO_DOMAIN,
    ),
)

_SEE_ACCESS_RULE: Final = either(SYSTEM_READER, user_is("user.id"))

ACCESS_RULES: Final = (
    rule(
        "get_access_rule",
        _SEE_ACCESS_RULE,
        "Show what an application credential may call.",
        "GET /users/{user_id}/access_rules/{access_rule_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "list_access_rules",
        _SEE_ACCESS_RULE,
        "List a user's access rules.",
        "GET /users/{user_id}/access_rules",
        scopes=NO_DOMAIN,
    ),
    rule(
        "delete_access_rule",
        either("(role:admin and system_scope:all)", user_is("user.id")),
        "Delete an access rule that is not in use.",
        "DELETE /users/{user_id}/access_rules/{access_rule_id}",
        scopes=NO_DOMAIN,
    ),
)

_CRED_OWNER: Final = user_is("credential.user_id")
_SEE_CREDENTIAL: Final = either(ADMIN_OR_SYSTEM_READER, _CRED_OWNER)
_CHANGE_CREDENTIAL: Final = either(ADMIN, _CRED_OWNER)
_CHANGE_EC2: Final = either(ADMIN, f"(role:member and {_CRED_OWNER})")
_EC2: Final = "/users/{user_id}/credentials/OS-EC2"

CREDENTIALS: Final = (
    rule("get_credential", _SEE_CREDENTIAL, "Show a credential.", "GET /credentials/{credential_id}"),
    rule("list_credentials", _SEE_CREDENTIAL, "List credentials.", "GET /credentials"),
    rule("create_credential", _CHANGE_CREDENTIAL, "Store a credential.", "POST /credentials"),
    rule("update_credential", _CHANGE_CREDENTIAL, "Change a credential.", "PATCH /credentials/{credential_id}"),
    rule("delete_credential", _CHANGE_CREDENTIAL, "Delete a credential.", "DELETE /credentials/{credential_id}"),
    rule("ec2_get_credential", _SEE_CREDENTIAL, "Show an EC2 key.", f"GET {_EC2}/{{credential_id}}", scopes=NO_DOMAIN),
    rule("ec2_list_credentials", _SEE_APP_CRED, "List a user's EC2 keys.", f"GET {_EC2}", scopes=NO_DOMAIN),
    rule("ec2_create_credential", _CHANGE_EC2, "Make an EC2 key.", f"POST {_EC2}", scopes=NO_DOMAIN),
    rule("ec2_delete_credential", _CHANGE_EC2, "Delete an EC2 key.", f"DELETE {_EC2}/{{credential_id}}", scopes=NO_DOMAIN),
)

_CONSUMER: Final = "/OS-OAUTH1/consumers/{consumer_id}"
_TOKENS: Final = "/users/{user_id}/OS-OAUTH1/access_tokens"
_TOKEN: Final = f"{_TOKENS}/{{access_token_id}}"

OAUTH: Final = (
    rule("get_consumer", ADMIN_OR_SYSTEM_READER, "Show an OAuth consumer.", f"GET {_CONSUMER}", scopes=NO_DOMAIN),
    rule("list_consumers", ADMIN_OR_SYSTEM_READER, "List OAuth consumers.", "GET /OS-OAUTH1/consumers", scopes=NO_DOMAIN),
    rule("create_consumer", ADMIN, "Register an OAuth consumer.", "POST /OS-OAUTH1/consumers", scopes=NO_DOMAIN),
    rule("update_consumer", ADMIN, "Change an OAuth consumer.", f"PATCH {_CONSUMER}", scopes=NO_DOMAIN),
    rule("delete_consumer", ADMIN, "Delete an OAuth consumer.", f"DELETE {_CONSUMER}", scopes=NO_DOMAIN),
    rule(
        "authorize_request_token",
        ADMIN,
        "Let a consumer have roles of one's own.",
        "PUT /OS-OAUTH1/authorize/{request_token_id}",
        scopes=PROJECT,
    ),
    rule("get_access_token", ADMIN, "Show an OAuth access token.", f"GET {_TOKEN}", scopes=PROJECT),
    rule("list_access_tokens", ADMIN, "List a user's OAuth access tokens.", f"GET {_TOKENS}", scopes=PROJECT),
    rule("delete_access_token", ADMIN, "Revoke an OAuth access token.", f"DELETE {_TOKEN}", scopes=PROJECT),
    rule("list_access_token_roles", ADMIN, "List the roles of an OAuth access token.", f"GET {_TOKEN}/roles", scopes=PROJECT),
    rule(
        "get_access_token_role", ADMIN, "Show a role of an OAuth access token.", f"GET {_TOKEN}/roles/{{role_id}}", scopes=PROJECT
    ),
)
