// What this browser keeps from one visit to the next; one that keeps nothing begins anew each time.

/** What is kept under a name, or null. */
export function kept(name) {
  try {
    return localStorage.getItem(`pellucid ${name}`);
  } catch {
    return null;
  }
}

/** Keep a text under a name; null forgets it. */
export function keep(name, words) {
  try {
    if (words === null) localStorage.removeItem(`pellucid ${name}`);
    else localStorage.setItem(`pellucid ${name}`, words);
  } catch {
    // nothing to be done
  }
}
