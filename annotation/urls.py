"""Pages of the people who judge and of those who lead them."""

from django.urls import path

from annotation import views_desk, views_import, views_people, views_project, views_snapshots, views_tasks, views_work

urlpatterns = [
    path("", views_work.home, name="home"),
    path("login/", views_people.login, name="login"),
    path("logout/", views_people.logout, name="logout"),
    path("language/", views_people.language, name="set_language"),
    path("join/<str:secret>/", views_people.join, name="join"),
    path("projects/<int:project_id>/desk/", views_work.project_desk, name="desk"),
    path("projects/<int:project_id>/next/", views_desk.next_seat, name="next_seat"),
    path("seats/<int:seat_id>/", views_desk.seat, name="seat"),
    path("seats/<int:seat_id>/submit/", views_desk.submit, name="submit"),
    path("seats/<int:seat_id>/draft/", views_desk.draft, name="draft"),
    path("seats/<int:seat_id>/release/", views_desk.release, name="release"),
    path("seats/<int:seat_id>/skip/", views_desk.skip, name="skip"),
    path("preview/", views_desk.preview, name="preview"),
    path("tokens/", views_people.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", views_people.token_revoke, name="token_revoke"),
    path("projects/<int:project_id>/members/", views_people.members, name="members"),
    path("projects/<int:project_id>/members/<int:member_id>/role/", views_people.member_role, name="member_role"),
    path("projects/<int:project_id>/members/<int:member_id>/remove/", views_people.member_remove, name="member_remove"),
    path(
        "projects/<int:project_id>/invitations/<int:invitation_id>/revoke/",
        views_people.invitation_revoke,
        name="invitation_revoke",
    ),
    path("projects/new/", views_project.project_new, name="project_new"),
    path("projects/<int:project_id>/", views_project.project, name="project"),
    path("projects/<int:project_id>/edit/", views_project.project_edit, name="project_edit"),
    path("projects/<int:project_id>/prompts/", views_project.prompts, name="prompts"),
    path("projects/<int:project_id>/import/", views_import.import_file, name="import"),
    path("projects/<int:project_id>/import/<str:upload>/", views_import.import_check, name="import_check"),
    path("projects/<int:project_id>/import/<str:upload>/commit/", views_import.import_commit, name="import_commit"),
    path("projects/<int:project_id>/import/<str:upload>/problems.csv", views_import.import_problems, name="import_problems"),
    path("projects/<int:project_id>/tasks/", views_tasks.tasks, name="tasks"),
    path("projects/<int:project_id>/tasks/write/", views_tasks.tasks_write, name="tasks_write"),
    path("projects/<int:project_id>/tasks/rank/", views_tasks.tasks_rank, name="tasks_rank"),
    path("projects/<int:project_id>/tasks/overlap/", views_tasks.tasks_overlap, name="tasks_overlap"),
    path("projects/<int:project_id>/snapshots/", views_snapshots.snapshots, name="snapshots"),
    path("projects/<int:project_id>/snapshots/new/", views_snapshots.snapshot_new, name="snapshot_new"),
    path("snapshots/<int:snapshot_id>/", views_snapshots.snapshot, name="snapshot"),
    path("snapshots/<int:snapshot_id>/retry/", views_snapshots.snapshot_retry, name="snapshot_retry"),
]
