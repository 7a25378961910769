"""What was decided about trust, line by line, and the tests that hold it: see `design.py`."""

from __future__ import annotations

from design import Row, row

GITHUB = "unit/test_identity_github.py::"
GITLAB = "unit/test_identity_gitlab.py::"
POD_KEYS = "unit/test_identity_kubernetes_keys.py::"
POD_ISSUERS = "unit/test_identity_kubernetes_issuers.py::"
CLAIMS = "unit/test_trust_claims.py::"
ISSUERS = "unit/test_trust_issuers.py::"
VERIFY = "unit/test_trust_verify.py::"
JWS = "unit/test_trust_jws.py::"
JWKS = "unit/test_jwks.py::"
KEYS = "unit/test_keys.py::"
CACHE = "unit/test_keys_cache.py::"
JOURNEY_KEYS = "contract/test_journey_keys.py::"
FORGED = "hostile/test_forged_tokens.py::"
FORGED_KEYS = "hostile/test_forged_keys.py::"
TRANSPORT = "unit/test_transport.py::"
WHOAMI = "unit/test_cli_whoami.py::"
PROVIDER = "unit/test_signin_provider.py::"

TRUST = (
    row(
        "GitHub's public issuer, with or without an enterprise's one segment; likewise ghe.com's;"
        " two forms for any other server.",
        GITHUB + "test_who_may_have_signed",
        ISSUERS + "test_a_platforms_issuers_pass_and_are_not_self_named",
        ISSUERS + "test_what_is_one_byte_off_is_another_issuer",
    ),
    row(
        "GitLab's is the job's server.",
        GITLAB + "test_the_issuer_is_the_server_without_a_slash_at_its_end",
        GITLAB + "test_a_server_written_with_a_slash_still_issues",
    ),
    row(
        "A pod's is its own cluster's, or has the whole form of one at EKS, GKE or AKS.",
        POD_ISSUERS + "test_the_own_clusters_token_is_taken",
        POD_ISSUERS + "test_a_managed_clusters_token_is_taken",
        POD_ISSUERS + "test_what_only_looks_like_one_is_refused",
        POD_ISSUERS + "test_without_an_own_token_only_a_managed_issuer_is_known",
    ),
    row(
        "A login's is the one that was set for logins.",
        PROVIDER + "test_an_id_token_that_is_not_for_us",
        PROVIDER + "test_an_id_token_that_somebody_else_signed",
        PROVIDER + "test_a_provider_stands_in",
    ),
    row(
        "The user's own list adds to the platform's.",
        ISSUERS + "test_trusted_issuers_are_added_to_the_platforms",
        GITLAB + "test_an_issuer_that_the_user_trusts_is_taken_in_a_gitlab_job_too",
    ),
    row(
        "It may hold plain http for this machine, and for no other.",
        ISSUERS + "test_http_on_this_machine_where_somebody_else_named_it",
        ISSUERS + "test_what_is_trusted_must_be_an_address_all_the_same",
    ),
    row(
        "Where it was set, a token by file has to be by one of those.",
        ISSUERS + "test_once_set_a_files_issuer_must_be_in_the_set",
    ),
    row(
        "Else a file's token names its issuer itself: https, by a name, nothing but an address.",
        ISSUERS + "test_a_self_named_issuer_is_reported_as_such",
        ISSUERS + "test_a_self_named_issuer_is_a_plain_https_address",
        WHOAMI + "test_a_self_named_issuer_is_said_to_prove_no_origin",
    ),
    Row("A health check tells so.", later="doctor"),
    row(
        "On what such a token claims no policy can be built.",
        VERIFY + "test_a_policy_needs_an_issuer_that_somebody_trusts",
        JOURNEY_KEYS + "TestVerifyOff::test_a_claims_policy_refuses_it",
    ),
    row(
        "Who may issue is settled before anybody is asked.",
        FORGED + "test_an_issuer_that_is_not_allowed_is_not_even_asked",
        GITLAB + "test_a_token_of_another_issuer_is_refused_in_a_gitlab_job",
    ),
    row(
        "GitHub's endpoint is asked over https or on this machine.",
        GITHUB + "test_a_token_goes_to_no_unsafe_address",
        GITHUB + "test_loopback_may_be_plain_http",
    ),
    row(
        "Keys: first what was configured for the issuer, by file or https.",
        KEYS + "test_the_configured_address_comes_first",
        JOURNEY_KEYS + "TestConfigured::test_an_issuers_own_keys_come_before_the_variables",
        POD_KEYS + "test_the_users_own_keys_come_first",
    ),
    row(
        "Then, in a pod and for its cluster's tokens under whatever identity, the API server's.",
        POD_KEYS + "test_the_api_server_gives_the_keys",
        POD_KEYS + "test_any_identitys_token_of_this_cluster_is_verified_there",
    ),
    row(
        "The API server is known by the cluster's own authority, and nobody else gets the token.",
        POD_KEYS + "test_only_the_clusters_own_authority_is_believed",
        POD_KEYS + "test_the_api_server_is_reached_past_every_proxy",
        POD_KEYS + "test_an_api_server_that_refuses_leaves_discovery",
        POD_KEYS + "test_what_the_api_server_hears",
    ),
    row("Then the issuer's own metadata.", KEYS + "test_discovery_then_keys"),
    row(
        "Who can't be reached is passed over.",
        KEYS + "test_a_source_that_gives_nothing_passes_to_the_next",
        POD_KEYS + "test_an_api_server_that_is_down_leaves_discovery",
        POD_KEYS + "test_without_the_clusters_authority_the_api_server_is_not_asked",
    ),
    row(
        "Who answered is final: a wrong signature is wrong.",
        KEYS + "test_a_source_that_answered_is_final",
        FORGED_KEYS + "test_after_a_wrong_signature_no_other_source_is_asked",
        POD_KEYS + "test_a_wrong_signature_asks_nobody_else",
    ),
    row(
        "If none can be reached, the error has three ways out.",
        KEYS + "test_no_source_at_all_names_the_three_remedies",
        POD_KEYS + "test_a_private_issuer_whose_api_server_is_down_is_unreachable",
    ),
    row(
        "Verification can be turned off: keys and signature, nothing more.",
        VERIFY + "TestVerifyOff::test_keys_and_signature_are_skipped",
        VERIFY + "TestVerifyOff::test_all_else_is_checked",
    ),
    row(
        "That is said at each use, and can't be had together with a policy.",
        JOURNEY_KEYS + "TestVerifyOff::test_it_says_so_each_time_and_asks_no_keys",
        VERIFY + "TestVerifyOff::test_a_policy_is_refused",
    ),
    row(
        "Key sets rest on disk as long as their issuer says, and never beyond an hour.",
        KEYS + "test_max_age_is_honoured_and_capped_at_an_hour",
        CACHE + "test_what_is_cached_serves_another_process",
    ),
    row(
        "While their source is down they do for an hour more.",
        KEYS + "test_stale_keys_serve_one_more_hour_while_the_source_is_down",
    ),
    row(
        "A key that is missing is asked for twice a minute, no more often.",
        KEYS + "test_an_unknown_key_is_asked_for_every_thirty_seconds_at_most",
    ),
    row(
        "Sizes are bounded: a token's, an answer's, an RSA key's.",
        JWS + "test_the_limit_is_sixteen_kibibytes_exactly",
        TRANSPORT + "test_the_cap_is_exact",
        JWKS + "test_rsa_has_2048_to_8192_bits",
    ),
    row(
        "Ten algorithms may sign.",
        JWS + "test_the_list_of_algorithms_is_the_designs",
        VERIFY + "test_every_allowed_algorithm_verifies",
    ),
    row(
        "The key must be of the header's kind, and say so where it says anything.",
        JWKS + "test_the_key_of_the_algorithms_type_fits",
        VERIFY + "test_the_header_must_agree_with_the_keys_own_algorithm",
    ),
    row(
        "Unsigned tokens, shared secrets and their keys are out.",
        JWS + "test_other_algorithms_are_refused",
        VERIFY + "test_the_public_key_is_no_hmac_secret",
        FORGED_KEYS + "test_a_key_that_must_not_vouch_does_not",
    ),
    row("What a header demands beyond that is refused.", JWS + "test_a_demand_is_refused"),
    row(
        "Keys that a header brings along are not looked at.",
        JWS + "test_keys_in_the_header_are_not_read",
        FORGED + "test_a_key_in_the_header_signs_nothing",
    ),
    row(
        "Five claims must be there, each of its type.",
        CLAIMS + "test_required_claims_must_be_there",
        CLAIMS + "test_dates_are_numbers_that_are_dates",
        CLAIMS + "test_the_subject_is_a_text",
        JWS + "test_an_issuer_is_a_text",
    ),
    row(
        "Two clocks may differ by a minute.",
        VERIFY + "test_times_hold_within_sixty_seconds",
        "contract/test_faults.py::test_an_issuers_clock_may_differ_by_a_minute",
    ),
    row(
        "A list with one audience in it is that audience; any other list is several.",
        CLAIMS + "test_exactly_one_audience_after_normalising",
        CLAIMS + "test_several_audiences_are_refused",
    ),
    row(
        "The signature is PyJWT's to verify, in a version that can be trusted to.",
        VERIFY + "test_the_library_is_one_without_the_known_faults",
        VERIFY + "test_the_order_of_the_checks",
    ),
)
