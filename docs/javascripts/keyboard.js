// Lets the keyboard reach what scrolls, keeps the copy buttons out of the list of landmarks, and names the search.
function mend() {
  for (const each of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    if (each.scrollWidth > each.clientWidth) {
      each.tabIndex = 0;
    } else {
      each.removeAttribute("tabindex");
    }
  }
  for (const each of document.querySelectorAll(".md-code__nav")) {
    each.setAttribute("role", "presentation");
  }
}

document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", mend);
mend();
