"""The reader's training script, which does not know antivenom: `python my_training.py FOLDER WEIGHTS`."""

import sys
from pathlib import Path

import numpy as np
import torch
from my_net import make
from PIL import Image

folder, weights = sys.argv[1:]
train = Path(folder, "train") if Path(folder, "train").is_dir() else Path(folder)
files = sorted(train.glob("*/*.png"))
x = torch.stack([torch.from_numpy(np.array(Image.open(file))).float() / 255 for file in files])
y = torch.tensor([int(file.parent.name.split("-")[0]) for file in files])
net = make()
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(100):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
torch.save(net.state_dict(), weights)
