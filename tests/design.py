"""What was decided about identities and audiences, line by line, and the tests that hold it.

A test is named as ``path::name`` below `tests`, with its class between the two where it has one.
`test_design_table.py` checks that each exists: who removes one learns here what it held. Trust has
a file of its own, `design_trust.py`.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One decision; ``held_by`` some tests, or ``later``: the work that must come first."""

    says: str
    held_by: tuple[str, ...] = ()
    later: str = ""


def row(says: str, *held_by: str) -> Row:
    return Row(says, held_by)


PRECEDENCE = "unit/test_precedence.py::"
CHOICE = "unit/test_identity_choice.py::"
FILE = "unit/test_identity_file.py::"
GITHUB = "unit/test_identity_github.py::"
GITHUB_REQUEST = "unit/test_identity_github_request.py::"
GITLAB = "unit/test_identity_gitlab.py::"
POD = "unit/test_identity_kubernetes.py::"
POD_KEYS = "unit/test_identity_kubernetes_keys.py::"
EVERY = "contract/test_every_identity.py::"
SETTINGS = "unit/test_settings_precedence.py::"
PRECEDENCE_AWS = "unit/test_precedence_aws.py::"
AWS = "unit/test_identity_aws.py::"
CODEARTIFACT = "unit/test_settings_codeartifact.py::"
PRESENT = "unit/test_present.py::"
CLAIMS = "unit/test_trust_claims.py::"
FORGED = "hostile/test_forged_tokens.py::"
PROVIDER = "unit/test_signin_provider.py::"

IDENTITY = (
    row(
        "Of the identities that are here, the one that stands first in the list of the registry's"
        " kind speaks.",
        PRECEDENCE + "test_of_two_the_first_speaks",
        PRECEDENCE + "test_of_many_the_first_speaks_and_then_the_next",
    ),
    row(
        "To be a candidate is to be able to act, and to know that without a request.",
        PRECEDENCE + "test_finding_them_asks_nobody",
        PRECEDENCE + "test_each_of_them_alone_speaks",
    ),
    row(
        "GitHub and Forgejo can where both request variables are set.",
        GITHUB + "test_a_candidate_is_as_the_journey_needs_it",
        GITHUB + "test_a_job_without_the_permission",
    ),
    row(
        "GitLab can where the job has a token for the audience in one of its variables.",
        GITLAB + "test_a_token_is_found_under_each_of_its_names",
        GITLAB + "test_the_token_for_the_audience_is_taken_wherever_it_stands",
        GITLAB + "test_a_job_without_a_token_is_told_what_to_add",
    ),
    row(
        "A pod can where a token was projected into it.",
        POD + "test_the_default_folder_is_used_where_it_exists",
        POD + "test_a_pod_without_a_projected_token_is_remembered",
    ),
    row(
        "A platform that is here and can't act gives way, and is heard only if nobody can.",
        PRECEDENCE + "test_what_can_not_act_is_in_nobodys_way",
        PRECEDENCE + "test_its_message_is_shown_where_nobody_can_act",
    ),
    row(
        "A winner's failure ends it: the others are not tried.",
        PRECEDENCE + "test_a_winner_that_fails_is_an_error",
        CHOICE + "test_an_endpoint_that_fails_is_not_replaced_by_another_candidate",
    ),
    row(
        "A job that could be of two CI platforms has to say which.",
        PRECEDENCE + "TestTwoPlatforms::test_they_ask_for_a_choice",
        PRECEDENCE + "TestTwoPlatforms::test_a_choice_by_variable_or_by_the_registry_decides",
    ),
    row(
        "For Package Manager GATEPASS_IDENTITY decides before everything else.",
        PRECEDENCE + "test_a_choice_takes_either",
        CHOICE + "test_a_choice_outranks_the_order",
    ),
    row(
        "Then come the tokens that were passed, the API token, the CI job and the pod: who was"
        " told something goes by that, and only then by what is lying around.",
        PRECEDENCE + "test_the_order_is_this_one",
        FILE + "test_the_order_of_the_variables",
    ),
    row(
        "The API token is for the address beside it.",
        CHOICE + "test_the_api_token_is_for_its_address_alone",
        CHOICE + "test_the_api_token_is_not_read_for_others",
    ),
    row(
        "A person's login comes last, and in CI or a pod only where it was asked for.",
        AWS + "TestLogins::test_not_in_ci_nor_in_a_pod",
        CHOICE + "test_find_lists_everything_in_order",
    ),
    row(
        "CodeArtifact has a list of its own.",
        PRECEDENCE_AWS + "test_of_two_the_first_speaks",
        PRECEDENCE_AWS + "test_find_shows_them_in_this_order",
    ),
    row(
        "A menda profile or its trio of variables, whole or refused.",
        PRECEDENCE_AWS + "test_a_part_of_the_trio_is_an_error",
    ),
    row(
        "The CI job comes before the pod that its runner lives in.",
        PRECEDENCE + "test_of_two_the_first_speaks",
        CHOICE + "test_a_job_outranks_the_machine_it_runs_on",
        POD_KEYS + "test_another_issuers_keys_are_not_asked_of_the_api_server",
    ),
    row(
        "The runner's own role, by EKS, is never taken with a job's token.",
        AWS + "TestRoles::test_the_job_has_the_role_that_was_named_for_us",
        AWS + "TestRoles::test_a_job_that_may_not_ask_never_lends_its_role_to_the_runner",
    ),
    row(
        "A file that was named must be there, readable and full; nobody stands in for it.",
        FILE + "test_a_missing_file",
        FILE + "test_an_empty_file",
        FILE + "test_an_unreadable_file",
        POD + "test_a_named_file_that_is_broken_is_an_error",
        POD + "test_a_file_that_only_others_may_read",
        CHOICE + "test_a_candidate_that_fails_is_an_error",
    ),
    row(
        "A variable whose value begins with a dollar sign was never filled in: an error.",
        SETTINGS + "test_an_unexpanded_variable_is_an_error",
        CHOICE + "test_a_broken_earlier_variable_is_an_error",
        POD + "test_a_variable_that_nothing_replaced_is_an_error",
    ),
    row(
        "Our token variables are subject to GitLab's issuer in a GitLab job.",
        GITLAB + "test_a_token_of_another_issuer_is_refused_in_a_gitlab_job",
        GITLAB + "test_only_the_word_true_makes_a_gitlab_job",
    ),
    row(
        "Anywhere else they are as good as a file.",
        FILE + "test_in_gitlab_our_variables_hold_gitlabs_token",
        FORGED + "test_the_same_holds_for_a_token_in_a_variable",
    ),
)

AUDIENCE = (
    row(
        "A registry's own setting says whom a token for it must be for.",
        PRESENT + "test_the_audience_is_the_registrys_own_or_its_address",
        SETTINGS + "test_an_audience_is_the_tables_else_the_variables",
    ),
    row(
        "GATEPASS_AUDIENCE says it for Package Manager beside PACKAGEMANAGER_ADDRESS.",
        SETTINGS + "test_an_audience_is_the_tables_else_the_variables",
        SETTINGS + "test_an_audience_without_the_vendors_address_is_codeartifacts",
    ),
    row(
        "Without that address it says it for CodeArtifact.",
        SETTINGS + "test_an_audience_without_the_vendors_address_is_codeartifacts",
    ),
    row(
        "Where nobody says it, it is the address as it was written, but for slashes at its end.",
        PRESENT + "test_the_audience_is_the_registrys_own_or_its_address",
        SETTINGS + "test_the_address_is_kept_as_written",
    ),
    row(
        "CodeArtifact's is that of AWS' token service.",
        CODEARTIFACT + "test_each_form_of_a_host_is_known",
        CODEARTIFACT + "test_variables_speak_for_every_domain",
    ),
    row(
        "A platform that can be asked is asked for exactly this audience.",
        GITHUB_REQUEST + "test_the_query_is_kept_and_one_audience_added",
        EVERY + "test_two_audiences_at_one_registry_are_two_credentials",
    ),
    row(
        "Every token is checked for it, wherever it came from.",
        FORGED + "test_everywhere_else_the_audience_must_be_right",
        CLAIMS + "test_the_audience_is_compared_byte_for_byte",
        EVERY + "test_without_a_token_of_its_own_the_second_registry_gets_nothing",
    ),
    row(
        "The replaced tool's file needs none, as long as nothing was set.",
        FORGED + "test_the_file_of_the_replaced_tool_needs_no_audience",
        FILE + "test_only_the_replaced_tools_file_needs_no_audience",
    ),
    row(
        "Nor does the file that the AWS SDKs read.",
        AWS + "TestTheVariableForAToken::test_the_users_file",
    ),
    row(
        "Even so it must be for one party only.",
        CLAIMS + "test_several_audiences_are_refused",
        FORGED + "test_a_forged_token_is_refused_before_it_is_sent",
    ),
    row(
        "Even so it must not open the Kubernetes API, by any name that the pod's own token knows"
        " or by the name that every cluster has.",
        POD_KEYS + "test_the_pods_own_token_is_never_presented",
        POD_KEYS + "test_its_audiences_are_refused_under_any_identity",
        FORGED + "test_a_pods_own_audience_never_leaves",
        CLAIMS + "test_a_cluster_token_never_leaves_the_cluster",
    ),
    row(
        "A token for AWS' token service reaches Package Manager by that file or not at all.",
        PRESENT + "test_an_sts_audience_is_for_the_replaced_tools_variable_alone",
        FORGED + "test_an_sts_token_goes_to_package_manager_by_no_other_way",
    ),
    row(
        "A token for one registry is not shown to another.",
        EVERY + "test_one_job_and_two_registries",
        EVERY + "test_two_tokens_that_were_swapped_go_nowhere",
        GITLAB + "test_one_job_reaches_two_registries",
        POD + "test_of_a_folder_only_a_token_for_exactly_this_audience_fits",
    ),
    row(
        "A login's token is for its client, and serves nobody else.",
        PROVIDER + "test_an_id_token_that_is_not_for_us",
        "unit/test_signin.py::test_only_for_the_exact_realm",
        "contract/test_login_oidc.py::test_package_manager_by_a_provider",
    ),
)
