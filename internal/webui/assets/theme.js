// The theme: the system's, until the person chooses one here. This file is
// loaded before the page is drawn, so that it never shows in the wrong colours.
"use strict";

(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  // Storage may be forbidden; the theme then lasts as long as the page.
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const store = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It lasts as long as the page.
    }
  };

  const chosen = stored();
  if (chosen === "dark" || chosen === "light") {
    root.dataset.theme = chosen;
  }

  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const tell = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      store(root.dataset.theme);
      tell();
    });
    system.addEventListener("change", tell);
    tell();
    button.hidden = false;

    // Long lists stand beside the text on wide screens, and fold above it on
    // narrow ones.
    if (window.matchMedia("(max-width: 60rem)").matches) {
      document.querySelectorAll("details[data-narrow=closed]").forEach((details) => {
        details.open = false;
      });
    }
  });
})();
