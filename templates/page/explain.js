// A line and its counterparts. Lines of the model and of the program have in data-m the lines of the model they belong to.
'use strict';
const panes = ['model', 'program'].map(id => document.getElementById(id));
const marked = panes.map(pane => [...pane.querySelectorAll('[data-m]')]);
const numbers = line => line.dataset.m.split(' ');
let held = null, visited = 0;

// Of a line of the model: all of the program's that come from it. Of one of the program: those of the model that it comes from.
function counterparts(line) {
  const other = panes[0].contains(line) ? 1 : 0, wanted = numbers(line);
  return marked[other].filter(each => numbers(each).some(n => wanted.includes(n)));
}

function show(line) {
  document.querySelectorAll('.lit, .held').forEach(each => each.classList.remove('lit', 'held'));
  if (!line) return;
  line.classList.add('lit', 'held');
  counterparts(line).forEach(each => each.classList.add('lit'));
  numbers(line).forEach(n => document.getElementById('D' + n)?.classList.add('lit'));
}

function scrollTo(line) {
  const pane = line.parentElement;
  pane.scrollTop = line.offsetTop - pane.clientHeight / 3;
}

// The first line in each function, and then of the arrays that functions share. What has no data-m lies between functions.
function heads(line) {
  const all = new Set(counterparts(line)), is_memory = each => each.classList.contains('memory');
  const first = [...all].filter(each => {
    for (let above = each.previousElementSibling; above?.dataset.m; above = above.previousElementSibling)
      if (all.has(above)) return false;
    return true;
  });
  return [...first.filter(each => !is_memory(each)), ...first.filter(is_memory)];
}

function hold(line) {
  const places = heads(line);
  visited = held === line ? (visited + 1) % Math.max(places.length, 1) : 0;
  held = line;
  show(line);
  if (places.length) {
    scrollTo(places[visited]);
    enter(places[visited]);
  }
}

// One line of each side can be reached by Tab.
function enter(line) {
  for (const each of line.parentElement.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
  line.tabIndex = 0;
}

function move(line, by) {
  const own = marked[panes[0].contains(line) ? 0 : 1];
  const next = own[Math.min(Math.max(own.indexOf(line) + by, 0), own.length - 1)];
  enter(next);
  next.focus();
  show(next);
}

panes.forEach((pane, side) => {
  const lineOf = event => event.target.closest('[data-m]');
  if (marked[side].length) marked[side][0].tabIndex = 0;
  pane.addEventListener('mouseover', event => { if (!held) show(lineOf(event)); });
  pane.addEventListener('mouseleave', () => { if (!held) show(null); });
  pane.addEventListener('click', event => {
    const line = lineOf(event);
    if (line) { hold(line); enter(line); } else { held = null; show(null); }
  });
  pane.addEventListener('focusin', event => { if (!held && lineOf(event)) show(lineOf(event)); });
  pane.addEventListener('keydown', event => {
    const line = lineOf(event);
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9};
    if (!line) return;
    if (event.key in steps) { held = null; move(line, steps[event.key]); }
    else if (event.key === 'Enter' || event.key === ' ') hold(line);
    else if (event.key === 'Escape') { held = null; show(line); }
    else return;
    event.preventDefault();
  });
});

// page.html#L12 opens with line 12 held; links to functions do the same.
function fromAddress() {
  const line = document.getElementById(location.hash.slice(1));
  if (!line?.dataset.m) return;
  hold(line);
  enter(line);
}
addEventListener('hashchange', fromAddress);
fromAddress();
