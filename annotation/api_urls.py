"""Doors of `annotation/`, under /api/."""

from django.urls import path

from annotation import (
    api,
    api_flags,
    api_imports,
    api_known,
    api_prompts,
    api_rating,
    api_samples,
    api_scores,
    api_snapshots,
    api_tasks,
)

urlpatterns = [
    path("projects/", api.Projects.as_view(), name="api_projects"),
    path("projects/<int:project_id>/", api.OneProject.as_view(), name="api_project"),
    path("projects/<int:project_id>/members/", api.Members.as_view(), name="api_members"),
    path("projects/<int:project_id>/members/<int:member_id>/", api.OneMember.as_view(), name="api_member"),
    path("projects/<int:project_id>/invitations/", api.Invitations.as_view(), name="api_invitations"),
    path("projects/<int:project_id>/prompts/", api_prompts.Prompts.as_view(), name="api_prompts"),
    path("projects/<int:project_id>/imports/", api_imports.Imports.as_view(), name="api_imports"),
    path("projects/<int:project_id>/samples/", api_samples.Samples.as_view(), name="api_samples"),
    path("projects/<int:project_id>/scores/", api_scores.Scores.as_view(), name="api_scores"),
    path("projects/<int:project_id>/tasks/", api_tasks.Tasks.as_view(), name="api_tasks"),
    path("projects/<int:project_id>/seats/", api_rating.NextSeat.as_view(), name="api_next_seat"),
    path("projects/<int:project_id>/judgements/", api_tasks.Judgements.as_view(), name="api_judgements"),
    path("projects/<int:project_id>/snapshots/", api_snapshots.Snapshots.as_view(), name="api_snapshots"),
    path("tasks/<int:task_id>/reference/", api_known.Reference.as_view(), name="api_reference"),
    path("tasks/<int:task_id>/seats/", api_tasks.TaskSeats.as_view(), name="api_task_seats"),
    path("seats/<int:seat_id>/", api_rating.OneSeat.as_view(), name="api_seat"),
    path("seats/<int:seat_id>/judgement/", api_rating.SubmitJudgement.as_view(), name="api_judgement"),
    path("seats/<int:seat_id>/draft/", api_rating.Draft.as_view(), name="api_draft"),
    path("seats/<int:seat_id>/release/", api_rating.Release.as_view(), name="api_release"),
    path("seats/<int:seat_id>/skip/", api_rating.SkipSeat.as_view(), name="api_skip"),
    path("seats/<int:seat_id>/flag/", api_flags.RaiseFlag.as_view(), name="api_flag"),
    path("judgements/<int:judgement_id>/change/", api_rating.ChangeJudgement.as_view(), name="api_change"),
    path("projects/<int:project_id>/flags/", api_flags.Flags.as_view(), name="api_flags"),
    path("flags/<int:flag_id>/settle/", api_flags.SettleFlag.as_view(), name="api_flag_settle"),
    path("snapshots/<int:snapshot_id>/", api_snapshots.OneSnapshot.as_view(), name="api_snapshot"),
    path("snapshots/<int:snapshot_id>/rows/", api_snapshots.SnapshotRows.as_view(), name="api_rows"),
    path("snapshots/<int:snapshot_id>/links/", api_snapshots.SnapshotLinks.as_view(), name="api_links"),
    path("links/<str:link>/", api_snapshots.Link.as_view(), name="api_link"),
]
