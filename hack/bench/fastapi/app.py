"""The operations under measurement the way FountainAI was first described:
FastAPI, SQLAlchemy and one SQLite file, with their defaults."""

import os

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, Integer, String, Text, create_engine, func
from sqlalchemy.orm import Session, declarative_base, sessionmaker

engine = create_engine(os.environ["BENCH_DATABASE"], connect_args={"check_same_thread": False, "timeout": 30})
NewSession = sessionmaker(bind=engine)
Base = declarative_base()


class CharacterRow(Base):
    __tablename__ = "characters"
    character_id = Column(Integer, primary_key=True)
    name = Column(String, index=True)
    description = Column(Text)


class SequenceRow(Base):
    __tablename__ = "sequences"
    id = Column(Integer, primary_key=True)
    element_type = Column(String, index=True)
    element_id = Column(Integer, index=True)
    sequence_number = Column(Integer, index=True)


Base.metadata.create_all(engine)


class NewCharacter(BaseModel):
    name: str
    description: str


class Character(NewCharacter):
    characterId: int


class SequenceRequest(BaseModel):
    elementType: str
    elementId: int


class SequenceAnswer(BaseModel):
    sequenceNumber: int


app = FastAPI()


def database():
    session = NewSession()
    try:
        yield session
    finally:
        session.close()


def to_character(row):
    return Character(characterId=row.character_id, name=row.name, description=row.description)


@app.post("/characters", response_model=Character, status_code=201)
def create_character(new: NewCharacter, session: Session = Depends(database)):
    row = CharacterRow(name=new.name, description=new.description)
    session.add(row)
    session.commit()
    session.refresh(row)
    return to_character(row)


@app.get("/characters", response_model=list[Character])
def list_characters(limit: int = 100, session: Session = Depends(database)):
    return [to_character(row) for row in session.query(CharacterRow).order_by(CharacterRow.character_id).limit(limit)]


@app.post("/sequence", response_model=SequenceAnswer, status_code=201)
def generate_sequence_number(request: SequenceRequest, session: Session = Depends(database)):
    highest = session.query(func.max(SequenceRow.sequence_number)).scalar() or 0
    row = SequenceRow(element_type=request.elementType, element_id=request.elementId, sequence_number=highest + 1)
    session.add(row)
    session.commit()
    return SequenceAnswer(sequenceNumber=row.sequence_number)
