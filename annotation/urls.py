"""Pages of the people who judge and of those who lead them."""

from django.urls import path

from annotation import views_desk, views_people

urlpatterns = [
    path("", views_desk.home, name="home"),
    path("login/", views_people.login, name="login"),
    path("logout/", views_people.logout, name="logout"),
    path("language/", views_people.language, name="set_language"),
    path("join/<str:secret>/", views_people.join, name="join"),
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
]
