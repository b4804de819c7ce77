"""Patches that make moto's task tokens end as those of Step Functions do."""

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)

_moto_invoke = StateTaskServiceLambda._eval_service_task


def install() -> None:
    """Make moto's interpreter in this process use the functions of this module."""
    setattr(StateTaskServiceLambda, "_eval_service_task", _invoke)  # noqa: B010


def renew(env: Any) -> None:
    """Close the task token of an attempt that failed, and make one for the next; moto would keep it for all of them."""
    context = env.states.context_object
    if "Task" in context.context_object_data:
        env.callback_pool_manager._pool.pop(context.context_object_data["Task"]["Token"], None)
        env.callback_pool_manager.add(context.update_task_token())


def _invoke(self: Any, env: Any, **rest: Any) -> None:
    """Invoke a function; if it fails after its state's task token came back, the state has ended with that signal.

    moto alone would fail the state.
    """
    token = env.states.context_object.context_object_data.get("Task", {}).get("Token")
    waits = env.callback_pool_manager.get(token) if self._is_integration_pattern() else None
    try:
        _moto_invoke(self, env=env, **rest)
    except Exception:
        if waits is None or waits.get_outcome() is None:
            raise
        env.stack.append({})
