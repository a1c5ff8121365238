// Draws the OpenAPI schema with Swagger UI. Calls made from the page carry the session and its CSRF token.
const place = document.getElementById("api");

function signed(request) {
  if (new URL(request.url, location.href).origin === location.origin && request.method && request.method !== "GET") {
    request.headers["X-CSRFToken"] = place.dataset.csrf;
  }
  return request;
}

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  persistAuthorization: false,
  requestInterceptor: signed,
  validatorUrl: null,
});
