//! Something for each call that is under way: found by a subtraction, at every packet.

use super::phones::TalkId;
use std::collections::VecDeque;

/// Numbers only grow, so what lives lies close together; a long call keeps the places of those after it.
pub struct Talks<T> {
    first: TalkId,
    places: VecDeque<Option<T>>,
    live: usize,
}

impl<T> Default for Talks<T> {
    fn default() -> Self {
        Self { first: 0, places: VecDeque::new(), live: 0 }
    }
}

impl<T> Talks<T> {
    /// `talk` is greater than any before.
    pub fn insert(&mut self, talk: TalkId, value: T) {
        if self.places.is_empty() {
            self.first = talk;
        }
        let place = talk.saturating_sub(self.first) as usize;
        self.places.resize_with(place.max(self.places.len()), || None);
        self.places.push_back(Some(value));
        self.live += 1;
    }

    pub fn get(&self, talk: TalkId) -> Option<&T> {
        self.places.get(talk.checked_sub(self.first)? as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, talk: TalkId) -> Option<&mut T> {
        self.places.get_mut(talk.checked_sub(self.first)? as usize)?.as_mut()
    }

    pub fn remove(&mut self, talk: TalkId) -> Option<T> {
        let removed = self.places.get_mut(talk.checked_sub(self.first)? as usize)?.take()?;
        self.live -= 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(removed)
    }

    pub fn len(&self) -> usize {
        self.live
    }

    /// The numbers of all, in their order.
    pub fn numbers(&self) -> Vec<TalkId> {
        (self.first..).zip(&self.places).filter_map(|(talk, place)| place.as_ref().map(|_| talk)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_until_it_is_removed() {
        let mut talks = Talks::default();
        for talk in [3, 4, 7] {
            talks.insert(talk, talk * 10);
        }
        assert_eq!((talks.get(3), talks.get(5), talks.get(7), talks.get(2)), (Some(&30), None, Some(&70), None));
        assert_eq!((talks.remove(4), talks.remove(4), talks.len()), (Some(40), None, 2));
        assert_eq!((talks.remove(3), talks.numbers()), (Some(30), vec![7]));
        assert_eq!(talks.get_mut(7), Some(&mut 70));
        assert_eq!((talks.remove(7), talks.len(), talks.places.len()), (Some(70), 0, 0));
        talks.insert(9, 90);
        assert_eq!((talks.get(9), talks.get(8), talks.numbers()), (Some(&90), None, vec![9]));
    }
}
