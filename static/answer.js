// The rater's form, looked up anew each time: htmx draws another one for each question.
export const form = () => document.getElementById("answer");
export const field = (name) => form().elements.namedItem(name);
export const place = (id) => document.getElementById(id);
