// Set light or dark before anything is painted; without a choice of the person's own, the system's holds.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("mlp-theme");
  } catch {
    // storage can be switched off; the system's choice holds then
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
