// Sets the chosen theme before the first paint. Kept apart from the bundle for that reason alone;
// the key and the values are those of src/ui/preferences.ts.
(function () {
  try {
    var kept = JSON.parse(localStorage.getItem('duetime.preferences') || '{}');
    if (kept.theme === 'light' || kept.theme === 'dark') {
      document.documentElement.dataset.theme = kept.theme;
    }
  } catch {
    // Storage is closed to this page: the system's preference holds.
  }
})();
