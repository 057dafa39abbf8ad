"""Which tests stand for which promise: what a SCIM service provider must do, item by item.

The items are numbered as in the list that the service provider was built by; what its numbers
leave out here is no part of the service provider (27, the guard; 29, events to others).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that is promised, and the tests that would fail if it were broken.

    Attributes:
        text: What is promised.
        tests: ``file::name``, below ``tests``.
    """

    text: str
    tests: tuple[str, ...]


def _promise(text: str, **tests: str) -> Promise:
    """Return a promise; each keyword is a file with its folders, the value the tests in it."""
    return Promise(
        text, tuple(f"{file.replace('__', '/')}.py::{name}" for file, names in tests.items() for name in names.split())
    )


CHECKLIST: Mapping[int, Promise] = {
    # Without these an identity provider breaks, or a leaver keeps access.
    1: _promise(
        "a look-up of nobody is 200 with an empty list, also without User-Agent",
        scim__test_checklist_rfc=(
            "test_no_match_is_200_with_an_empty_list test_a_look_up_needs_neither_user_agent_nor_accept"
        ),
    ),
    2: _promise(
        "401 with WWW-Authenticate without a valid token, 403 without the right; the scheme has no case",
        scim__test_authentication=(
            "test_without_a_token_there_is_nothing_to_see test_the_scheme_is_compared_without_case"
        ),
        scim__admission__test_gate=(
            "test_every_wrong_credential_gets_the_same_answer test_a_valid_token_without_the_right_is_403"
        ),
    ),
    3: _promise(
        "every error is an Error of SCIM, and tells nothing of what is inside",
        scim__test_app="test_the_framework_answers_in_scim test_trouble_on_our_side_is_never_a_success",
        scim__test_ipsie="test_an_error_says_nothing_about_what_is_inside",
        scim__test_users="test_an_error_names_the_attribute_and_what_it_must_be",
    ),
    4: _promise(
        "201 with body and Location; a name that is taken is 409, also in a race of ten",
        scim__test_users="test_a_new_user_is_answered_with_its_address test_a_name_is_taken_in_every_case_of_letters",
        scim__test_concurrency="test_of_ten_who_create_one_name_in_different_cases_one_succeeds",
    ),
    5: _promise(
        "active in every spelling, by every way; anything else is 400 and changes nothing",
        scim__test_users="test_every_spelling_of_deactivation_is_understood test_what_is_no_boolean_moves_nobody",
    ),
    6: _promise(
        "what is unknown never blocks active, is recorded and counted; strict sources are answered 400",
        scim__test_users=(
            "test_unknown_attributes_never_stop_a_deactivation "
            "test_unknown_attributes_are_left_out_and_named_in_what_was_understood"
        ),
        scim__test_quirks="test_unknown_attributes_are_a_metric",
        scim__test_strict=(
            "test_unknown_attributes_and_schemas_are_refused test_a_patch_of_what_is_not_known_is_refused_whole"
        ),
    ),
    7: _promise(
        "nothing that is managed is silently ignored",
        scim__test_dialects=(
            "test_a_patch_that_cannot_be_applied_is_refused_and_never_a_silent_success "
            "test_what_we_manage_and_cannot_store_is_refused"
        ),
        scim__test_users=(
            "test_a_path_into_a_value_without_parts_is_no_success "
            "test_a_certificate_that_is_no_base64_is_refused_and_not_repaired"
        ),
        scim__test_search="test_an_empty_filter_does_not_find_everybody",
    ),
    8: _promise(
        "the forms of PATCH that identity providers send are merged, never an overwrite of the whole",
        scim__test_dialects=("test_a_patch_is_understood_whoever_writes_it test_members_come_in_whatever_the_form"),
        scim__test_users="test_keys_of_a_value_may_be_paths",
        scim__test_traffic="test_scenario test_scenario_over_a_socket",
    ),
    9: _promise(
        "PATCH is atomic; what changes nothing keeps lastModified",
        scim__test_checklist_rfc="test_a_patch_of_which_one_operation_fails_leaves_the_resource_as_it_was",
        scim__test_users=(
            "test_a_patch_is_applied_whole_or_not_at_all test_a_patch_that_changes_nothing_keeps_the_version"
        ),
    ),
    10: _promise(
        "active:false is seen at once everywhere; twice is a success; coming back cancels what is planned",
        scim__test_checklist_rfc="test_an_inactive_user_is_seen_as_inactive_at_once_and_still_listed",
        services__test_leavers=(
            "test_the_second_deactivation_changes_nothing test_coming_back_during_grace_cancels_everything"
        ),
    ),
    11: _promise(
        "a deleted resource is gone everywhere, and its names are free; of parallel deletions one is 204",
        scim__test_checklist_rfc="test_a_deleted_user_is_gone_for_every_verb_list_group_and_conflict",
        scim__test_concurrency="test_of_ten_who_delete_one_resource_one_succeeds",
    ),
    12: _promise(
        "PUT replaces, passes over what is read-only, keeps active where it is not said; 404, 409",
        scim__test_users=(
            "test_a_put_replaces_everything_but_what_is_read_only test_a_put_that_does_not_say_active_keeps_it "
            "test_a_put_to_nobody_creates_nobody"
        ),
        scim__test_checklist_rfc="test_a_put_of_a_name_that_is_taken_is_a_conflict",
    ),
    13: _promise(
        "the whole language of filters, with look-ups by an index; a bad one is 400",
        scim__test_filters=(
            "test_a_filter_finds test_a_filter_that_cannot_be_answered_is_refused test_look_ups_use_an_index "
            "test_look_ups_of_groups_use_an_index"
        ),
        scim__test_filter_equivalence="test_users_are_filtered_as_scim2_models_does",
    ),
    14: _promise(
        "groups of any size: a change costs by what changes, nothing is lost, members are left out where asked",
        scim__test_groups=(
            "test_members_change test_a_name_is_taken_in_every_case_of_letters test_entras_own_schema_is_accepted"
        ),
        scim__test_concurrency="test_32_clients_change_one_group_and_lose_no_member",
        scim__test_ipsie="test_fifty_and_more_membership_operations_fit_in_one_patch",
        scim__test_paging="test_a_list_of_groups_without_members_reads_none",
        store__test_query_plans="test_members_that_are_named_are_found_without_reading_the_others",
    ),
    15: _promise(
        "both media types are accepted, others are 415; the answer is SCIM",
        scim__test_body="test_json_is_accepted test_another_media_type_is_refused",
        scim__test_projection="test_whatever_a_client_accepts_it_gets_scim",
    ),
    # These make it excellent.
    16: _promise(
        "pages by index and by cursor",
        scim__test_paging=(
            "test_a_page_by_index test_a_parameter_that_makes_no_sense_is_refused "
            "test_cursors_lead_through_a_list_and_back test_a_cursor_ends_after_a_day "
            "test_a_cursor_belongs_to_its_size_of_page test_what_is_no_cursor_is_refused"
        ),
        scim__test_checklist_rfc="test_pages_below_their_bounds_are_at_their_bounds",
    ),
    17: _promise(
        "weak ETags, 304, 412",
        scim__test_checklist_rfc="test_an_etag_is_weak_and_decides",
        scim__test_users="test_a_version_is_checked test_a_version_may_be_ruled_out",
        scim__test_groups="test_a_version_is_checked",
    ),
    18: _promise(
        "discovery says what is there; a filter is 403, another verb 405",
        scim__test_discovery=(
            "test_what_is_there_is_announced_and_nothing_else test_the_schemas_are_those_of_the_models "
            "test_discovery_takes_no_filter"
        ),
        scim__test_checklist_rfc="test_discovery_is_read_only",
    ),
    19: _promise(
        "older names of the schemas are understood, schemas may be missing, wholly unknown ones are 400",
        scim__test_users=(
            "test_other_names_of_the_schemas_are_understood test_a_body_that_is_meant_for_something_else_is_refused"
        ),
        scim__test_fast_path="test_both_paths_do_without_schemas",
    ),
    20: _promise(
        "every form of a manager; roles as strings say primary; JSON in a string is text; null is no value",
        scim__test_users="test_every_form_of_a_manager_is_understood test_roles_may_be_primary_as_a_string",
        scim__test_checklist_rfc="test_json_in_a_string_stays_text_and_null_is_no_value",
    ),
    21: _promise(
        "a POST over an inactive User brings it back in place, or is 409 by setting",
        scim__test_users="test_a_post_over_an_inactive_user_brings_it_back",
        scim__test_strict="test_a_post_over_an_inactive_user_may_be_a_conflict",
    ),
    22: _promise(
        "User.groups has the direct groups; a deleted User leaves every group",
        scim__test_checklist_rfc="test_the_groups_of_a_user_are_those_it_is_in_itself",
        scim__test_groups="test_a_deleted_user_leaves_its_groups",
    ),
    23: _promise(
        "/.search and /Bulk",
        scim__test_search="test_a_search_answers_as_the_query_does test_the_root_has_resources_of_all_types",
        scim__test_bulk=(
            "test_a_circle_is_closed test_a_client_may_stop_at_errors "
            "test_too_many_operations_are_refused_with_the_limit test_a_larger_body_than_announced_is_refused"
        ),
    ),
    24: _promise(
        "limits of each source: 413, 429 with whole seconds, never below 25 requests a second; look-ups are quick",
        scim__test_body="test_a_body_above_the_limit_is_refused",
        scim__admission__test_gate="test_a_source_above_its_pace_is_told_when_to_come_back",
        scim__admission__test_pace=(
            "test_a_second_of_requests_may_come_at_once_and_then_one_after_another "
            "test_sources_do_not_take_from_each_other"
        ),
        config__test_access="test_a_mistake_is_reported_with_its_path_and_what_to_write",
        scim__test_checklist_rfc="test_a_look_up_asks_the_store_as_little_among_many_as_among_few",
    ),
    25: _promise(
        "sources are tolerant or strict; what a source writes in a way of its own is counted and shown",
        scim__test_strict="test_one_source_is_strict_and_another_is_not",
        scim__test_quirks="test_quirks_are_counted_for_each_source test_quirks_of_a_patch_are_counted",
        cli__test_sources="test_a_source_is_shown_with_its_quirks_and_tokens",
    ),
    26: _promise(
        "each write is kept without secrets, with what it meant and what became of it; why somebody is still active",
        scim__test_users=(
            "test_what_was_understood_is_kept_with_the_request test_passwords_are_neither_stored_nor_kept_nor_shown"
        ),
        scim__test_redaction="test_secrets_are_removed",
        scim__test_app="test_a_refused_write_is_kept_with_its_reason",
        scim__test_bulk="test_each_operation_is_kept_like_a_single_request",
        cli__test_sources="test_what_became_of_somebody_is_one_question",
    ),
    28: _promise(
        "two tokens at once, with an end that is warned of, only their digests are kept; OAuth 2.0",
        services__test_tokens=(
            "test_a_source_may_have_two_tokens test_a_third_live_token_is_refused_with_what_to_do "
            "test_a_token_ends_at_its_time test_the_last_use_is_kept_to_the_minute "
            "test_the_token_itself_is_nowhere_in_the_database"
        ),
        cli__test_token="test_the_list_shows_expiry_and_warns_when_it_is_near",
        scim__test_oauth=(
            "test_a_client_gets_a_token_with_its_secret_and_reads_users_with_it "
            "test_a_client_gets_a_token_with_its_key_each_time"
        ),
        services__test_issuers="test_a_token_of_the_issuer_is_of_its_source",
    ),
    30: _promise(
        "names are compared as PRECIS has it, and kept as they are spelled",
        domain__test_names=(
            "test_names_are_the_same_without_their_case test_a_name_that_precis_accepts_has_the_key_that_precis_makes"
        ),
        scim__test_hostile_requests=(
            "test_letters_of_full_width_are_the_same_letters test_a_name_in_another_spelling_is_the_same_name"
        ),
        scim__test_checklist_rfc="test_a_name_is_kept_as_it_was_spelled",
    ),
}
"""What a SCIM service provider must do."""


IPSIE: Mapping[str, Promise] = {
    "deactivate": _promise(
        "PATCH deactivates and reactivates", scim__test_ipsie="test_a_user_is_deactivated_and_reactivated_by_patch"
    ),
    "recreate": _promise(
        "after DELETE the userName can be created",
        scim__test_ipsie="test_after_delete_the_same_user_name_can_be_created",
    ),
    "filters": _promise(
        "the filters on Users and Groups",
        scim__test_ipsie=(
            "test_users_are_found_by_the_filters_that_must_be_supported "
            "test_groups_are_found_by_the_filters_that_must_be_supported"
        ),
    ),
    "memberships": _promise(
        "50 membership operations in a PATCH",
        scim__test_ipsie="test_fifty_and_more_membership_operations_fit_in_one_patch",
    ),
    "pages": _promise("pages of at most 1000", scim__test_ipsie="test_no_page_has_more_than_1000_resources"),
    "pace": _promise(
        "25 requests a second, and 429 with Retry-After above the limit",
        scim__admission__test_gate="test_a_source_above_its_pace_is_told_when_to_come_back",
        config__test_access="test_a_mistake_is_reported_with_its_path_and_what_to_write",
    ),
    "bulk": _promise("/Bulk", scim__test_ipsie="test_bulk_requests_are_supported"),
    "oauth": _promise(
        "OAuth 2.0 client credentials with JWT client authentication, the scope scim, RFC 8414 metadata",
        scim__test_oauth="test_a_client_gets_a_token_with_its_key_each_time test_the_endpoint_describes_itself",
        services__test_granting="test_an_assertion_is_its_clients test_an_assertion_counts_once",
    ),
    "audit": _promise("a record of every write", scim__test_ipsie="test_every_write_is_kept_with_what_became_of_it"),
    "errors": _promise(
        "errors tell nothing of what is inside", scim__test_ipsie="test_an_error_says_nothing_about_what_is_inside"
    ),
}
"""The musts of the OpenID IPSIE profile "AL1 - User Deprovisioning" that are about SCIM."""
