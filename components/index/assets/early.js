// Runs before the page is painted: sections that are not shown take no space.
{
  const root = document.documentElement;
  const [name] = location.hash.slice(1).split("/");
  const known = ["speech", "factorise", "predict", "try", "jobs", "status"];
  root.classList.add("scripted");
  root.dataset.section = known.includes(name) ? name : "";
}
