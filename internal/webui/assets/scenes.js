// Dragging scenes, beside the buttons that do the same without this file.
"use strict";

(() => {
  const form = document.getElementById("scenes");
  if (!form || !form.querySelector("button")) {
    return;
  }
  document.querySelectorAll(".with-script").forEach((part) => {
    part.hidden = false;
  });

  // What is dragged travels with the drag under a type of our own, so that
  // nothing else can be dropped here.
  const kind = "application/x-fountain-scene";
  const rows = [...form.querySelectorAll("li")];

  const clear = () => rows.forEach((row) => row.classList.remove("before", "after"));

  // The row before which a scene dropped at y would come to stand; null: the end.
  const placeAt = (row, y) => {
    const box = row.getBoundingClientRect();
    return y < box.top + box.height / 2 ? row : row.nextElementSibling;
  };

  const move = (scene, before) => {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "move";
    field.value = `before ${scene} ${before ? before.dataset.block : 0}`;
    form.append(field);
    form.submit();
  };

  rows.filter((row) => row.classList.contains("scene")).forEach((row) => {
    row.draggable = true;
    row.addEventListener("dragstart", (event) => {
      row.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData(kind, row.dataset.block);
    });
    row.addEventListener("dragend", () => {
      row.classList.remove("dragged");
      clear();
    });
  });

  rows.forEach((row) => {
    row.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes(kind)) {
        return;
      }
      event.preventDefault();
      event.dataTransfer.dropEffect = "move";
      clear();
      row.classList.add(placeAt(row, event.clientY) === row ? "before" : "after");
    });
    row.addEventListener("drop", (event) => {
      const scene = event.dataTransfer.getData(kind);
      if (!scene) {
        return;
      }
      event.preventDefault();
      clear();
      const before = placeAt(row, event.clientY);
      const here = rows.find((candidate) => candidate.dataset.block === scene);
      if (before !== here && (!here || before !== here.nextElementSibling)) {
        move(scene, before);
      }
    });
  });
})();
