"""The lifecycle's table, held against the contract's, written out here a second time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins_app.errors import IllegalTransition
from plugins_app.lifecycle import (
    ACTIVE,
    FINAL,
    PLUGIN_FAILURES,
    TRANSITIONS,
    Action,
    RunStatus,
    State,
    allows,
    next_state,
    sources,
)

CONTRACT = {
    (None, "register"): "LOADED",
    ("LOADED", "initialize"): "INITIALIZED",
    ("LOADED", "mark_unavailable"): "UNAVAILABLE",
    ("INITIALIZED", "start_running"): "RUNNING",
    ("RUNNING", "finish_running"): "INITIALIZED",
    ("LOADED", "fail"): "FAILED",
    ("INITIALIZED", "fail"): "FAILED",
    ("RUNNING", "fail"): "FAILED",
    ("FAILED", "restart"): "LOADED",
    ("UNAVAILABLE", "restart"): "LOADED",
    ("INITIALIZED", "reload"): "LOADED",
}
STATES = [None, *State]
MANUAL = {Action.RESTART, Action.RELOAD}
WALKS = st.lists(st.sampled_from(Action), max_size=60)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", STATES)
def test_every_state_and_action_does_what_the_contract_says(
    state: State | None, action: Action
) -> None:
    expected = CONTRACT.get((state, action))
    assert allows(state, action) is (expected is not None)
    if expected is not None:
        assert next_state(state, action) == expected
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, action)
    assert action in refused.value.message
    assert all(source in refused.value.message for source in sources(action))


def test_there_are_five_states_and_no_more() -> None:
    assert list(State) == ["LOADED", "INITIALIZED", "RUNNING", "FAILED", "UNAVAILABLE"]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.FAILED, Action.INITIALIZE] = State.INITIALIZED


def walk(actions: list[Action]) -> list[tuple[State | None, Action, State | None]]:
    """Try every action in turn, stay where it is refused; return (from, action, to) of each."""
    state: State | None = None
    steps = []
    for action in actions:
        to = next_state(state, action) if allows(state, action) else state
        steps.append((state, action, to))
        state = to
    return steps


@given(WALKS)
def test_no_walk_leaves_the_five_states(actions: list[Action]) -> None:
    for old, action, new in walk(actions):
        assert new is None or new in set(State)
        assert new is not None or (old is None and action is not Action.REGISTER)


@given(WALKS)
def test_only_a_restart_leads_back_into_service(actions: list[Action]) -> None:
    for old, action, new in walk(actions):
        if old in (State.FAILED, State.UNAVAILABLE) and new is not old:
            assert action is Action.RESTART
            assert new is State.LOADED


@given(WALKS)
def test_nothing_runs_that_was_not_initialised_since_it_was_loaded(actions: list[Action]) -> None:
    is_initialised = False
    for _old, action, new in walk(actions):
        if new is State.LOADED:
            is_initialised = False
        if action is Action.INITIALIZE and new is State.INITIALIZED:
            is_initialised = True
        assert new is not State.RUNNING or is_initialised


@given(WALKS)
def test_every_state_can_be_left_again(actions: list[Action]) -> None:
    for _old, _action, new in walk(actions):
        if new is not None:
            assert any(allows(new, action) for action in Action)


@given(st.sampled_from(State))
def test_a_failure_is_possible_wherever_the_plugin_is_in_service(state: State) -> None:
    assert allows(state, Action.FAIL) is state.in_service


def test_what_only_a_person_may_do_starts_the_loading_anew() -> None:
    assert {new for (_, action), new in TRANSITIONS.items() if action in MANUAL} == {State.LOADED}


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_is_active_or_final(status: RunStatus) -> None:
    assert status.is_final is (status not in ("queued", "running"))
    assert (status in FINAL) is not (status in ACTIVE)


def test_five_ends_of_a_run_fail_its_plugin() -> None:
    expected = {"failed", "timed_out", "memory_exceeded", "crashed", "lost"}
    assert expected == PLUGIN_FAILURES
    assert {status for status in RunStatus if status.fails_plugin} == expected
