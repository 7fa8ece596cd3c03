const form = document.getElementById("factorize");
const output = document.querySelector("output");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  output.textContent = "…";
  try {
    const response = await fetch("/factorize", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ number: form.elements.number.value }),
    });
    const answer = await response.json();
    output.textContent = response.ok ? answer.factorization_str : answer.detail;
  } catch (error) {
    output.textContent = error.message;
  }
});
